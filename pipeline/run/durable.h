// Files of the run itself that must be whole or not there, whenever the power goes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/run/run_lock.h"

namespace shardmill {

/// Writes `folder`/`name` under a temporary name, makes it durable, gives it its name and makes
/// that durable. A file that is there is replaced whole or, after an error, left as it was (but
/// for the last step: then it is the new one); nothing else is left. Errors: see disk_error, and
/// kFailed before the file gets its name if the lock is another run's. `mode` is cut by the umask.
Status write_durably(const std::string& folder, const std::string& name, std::string_view bytes,
                     const LockKey& lock = {}, unsigned mode = 0600);

/// The same for bytes that are never held together: a WriteBytes hands them to the function it
/// gets, in order, and returns its first error.
using TakeBytes = std::function<Status(std::string_view bytes)>;
using WriteBytes = std::function<Status(const TakeBytes& take)>;
Status write_durably(const std::string& folder, const std::string& name, const WriteBytes& write,
                     const LockKey& lock = {}, unsigned mode = 0600);

/// The same without waiting for the disk, under its own name at once; nothing is left after an
/// error.
Status write_plainly(const std::string& path, const WriteBytes& write);

/// The names in the folder are durable.
Status sync_folder(const std::string& folder);
/// The file's bytes are durable.
Status sync_file(const std::string& path);

}  // namespace shardmill
