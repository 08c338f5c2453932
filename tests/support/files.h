// Files for tests.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace shardmill {

/// A new empty folder, removed with everything in it at the end of the test.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes `content` to `name` below the folder (making folders on the way) and returns its full
  /// path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

/// Fails the test if the file cannot be read.
std::string read_file(const std::filesystem::path& path);

/// The folder of public data files, which need not be there.
std::filesystem::path shared_data();

/// Runs a shell command, returns what it printed to standard output and its exit code.
struct CommandResult {
  int exit_code = 0;
  std::string output;
};
CommandResult run_command(const std::string& command);

}  // namespace shardmill
