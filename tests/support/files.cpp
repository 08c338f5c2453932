#include "tests/support/files.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace shardmill {

namespace {

/// Memory where there is plenty, and programs may run, for tests make and remove thousands of
/// files; else, or if TMPDIR is set, the usual folder.
std::filesystem::path temp_root() {
  const char* const memory = "/dev/shm";
  struct statvfs of_memory = {};
  const bool is_fit = std::getenv("TMPDIR") == nullptr && statvfs(memory, &of_memory) == 0 &&
                      of_memory.f_bavail * of_memory.f_frsize >= (uint64_t{1} << 30) &&
                      (of_memory.f_flag & (ST_RDONLY | ST_NOEXEC)) == 0 &&
                      access(memory, W_OK) == 0;
  return is_fit ? std::filesystem::path(memory) : std::filesystem::temp_directory_path();
}

}  // namespace

TempFolder::TempFolder() {
  std::string pattern = (temp_root() / "shardmill-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "cannot make " << pattern;
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::write(std::string_view name, std::string_view content) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out.flush()) ADD_FAILURE() << "cannot write " << file;
  return file.string();
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

std::filesystem::path shared_data() {
  const char* const given = std::getenv("SHARDMILL_DATA");
  if (given != nullptr) return given;
  return std::filesystem::path(SHARDMILL_SOURCE_DIR) / "../shared/data";
}

CommandResult run_command(const std::string& command) {
  CommandResult result;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return result;
  }
  std::array<char, 4096> buffer;
  while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace shardmill
