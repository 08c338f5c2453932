#include "pipeline/run/shared_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

/// As this host reads the path: ranks may have another working directory, too.
std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

Status not_shared(const std::string& found) {
  return Status::failed(Message{.found = found,
                                .expected = "one folder that all ranks share and may write to",
                                .fix = "put it on a file system that all hosts mount at the same "
                                       "place, with --run-dir"}
                            .text());
}

template <typename IsThere>
bool wait_for(const IsThere& is_there, double patience_seconds) {
  const Clock::time_point start = Clock::now();
  while (!is_there()) {
    if (seconds_since(start) >= patience_seconds) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

}  // namespace

Status check_folder_is_shared(const CheckpointPlan& checkpoints, const std::string& parts_dir,
                              double patience_seconds) {
  const LockKey& lock = checkpoints.lock;
  const std::string folder =
      lock.path.empty() ? parts_dir : lock.path.substr(0, lock.path.rfind('/'));
  if (folder.empty()) return {};
  const auto is_there = [&] { return ::access(folder.c_str(), F_OK) == 0 && lock.check().is_ok(); };
  if (!wait_for(is_there, patience_seconds)) {
    return not_shared("cannot see the run directory that rank 0 has made at " +
                      shardmill::quoted(absolute(folder)));
  }
  const std::string& written = checkpoints.is_on() ? checkpoints.folder : folder;
  if (::access(written.c_str(), W_OK | X_OK) == 0) return {};
  return not_shared(fmt::format("cannot write to {} ({})", shardmill::quoted(absolute(written)),
                                std::strerror(errno)));
}

}  // namespace shardmill
