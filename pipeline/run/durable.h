// Files of the run itself that must be whole or not there, whenever the power goes.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// Writes `folder`/`name` under a temporary name, makes it durable, gives it its name and makes
/// that durable. A file that is there is replaced. kStopped if the disk is full.
Status write_durably(const std::string& folder, const std::string& name, std::string_view bytes);

/// The names in the folder are durable.
Status sync_folder(const std::string& folder);
/// The file's bytes are durable.
Status sync_file(const std::string& path);

}  // namespace shardmill
