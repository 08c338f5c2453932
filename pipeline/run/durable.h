// Files of the run itself that must be whole or not there, whenever the power goes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// Writes `folder`/`name` under a temporary name, makes it durable, gives it its name and makes
/// that durable. A file that is there is replaced. kStopped if the disk is full.
Status write_durably(const std::string& folder, const std::string& name, std::string_view bytes);

/// The same for bytes that are never held together: `write` hands them to the function it gets, in
/// order, and returns its first error.
using TakeBytes = std::function<Status(std::string_view bytes)>;
Status write_durably(const std::string& folder, const std::string& name,
                     const std::function<Status(const TakeBytes& take)>& write);

/// The names in the folder are durable.
Status sync_folder(const std::string& folder);
/// The file's bytes are durable.
Status sync_file(const std::string& path);

}  // namespace shardmill
