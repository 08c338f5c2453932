// The commands that read no input of a job.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "pipeline/base/text.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/expression_docs.h"
#include "pipeline/cli/stage_docs.h"
#include "pipeline/core/registry.h"
#include "pipeline/plan/walk.h"
#include "pipeline/report/cells.h"

namespace shardmill {

int exit_code(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return 0;
    case Code::kUsage:
      return 2;
    case Code::kStopped:
      return 75;
    case Code::kBadFile:
    case Code::kFailed:
      break;
  }
  return 3;
}

// Messages escape what they quote; this is for those of libraries.
int print_error(const Status& status) {
  std::string_view rest = status.message();
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    fmt::print(stderr, "{}\n", printable(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return exit_code(status);
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Result<std::string> read_text(const std::string& path, size_t bytes_max) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  std::string content;
  std::array<char, 1 << 16> buffer;
  ssize_t size = -1;
  while (descriptor >= 0 && (size = ::read(descriptor, buffer.data(), buffer.size())) > 0) {
    content.append(buffer.data(), static_cast<size_t>(size));
    if (content.size() <= bytes_max) continue;
    ::close(descriptor);
    return Status::usage("is larger than " + with_separators(bytes_max) + " bytes");
  }
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (size < 0) return Status::usage("cannot be read: " + system_reason(error));
  return content;
}

Result<std::string> read_job_file(const std::string& path) {
  Result<std::string> text = read_text(path, 16 << 20);
  if (text.is_ok()) return text;
  return Status::usage(Message{.place = escaped(path),
                               .found = "the job file " + text.status().message(),
                               .expected = "a TOML file",
                               .fix = "\"shardmill new first\" writes one to start from"}
                           .text());
}

int stages_command(const Arguments& arguments) {
  if (arguments.markdown) {
    print(stages_markdown());
    return 0;
  }
  if (arguments.target.empty()) {
    print(stages_list());
    return 0;
  }
  if (const StageSpec* spec = find_stage(arguments.target)) {
    print(stage_page(*spec));
    return 0;
  }
  std::vector<std::string> names;
  for (const StageSpec& spec : all_stages()) names.push_back(spec.name);
  const auto near = near_match(arguments.target, names);
  return print_error(Status::usage(Message{.place = "shardmill stages",
                                           .found = "there is no stage " + quoted(arguments.target),
                                           .expected = "one of " + listed(names, 40),
                                           .fix = near ? "did you mean " + quoted(*near) + "?" : ""}
                                       .text()));
}

int expressions_command(const Arguments& arguments) {
  if (arguments.markdown) {
    print(expressions_markdown());
    return 0;
  }
  if (arguments.target.empty()) {
    print(expressions_list());
    return 0;
  }
  const std::vector<const LanguageEntry*> found = find_expressions(arguments.target);
  for (size_t i = 0; i < found.size(); ++i) {
    print((i == 0 ? "" : "\n") + expression_page(*found[i]));
  }
  if (!found.empty()) return 0;
  const std::vector<std::string> names = expression_names();
  const auto near = near_match(arguments.target, names);
  return print_error(Status::usage(
      Message{.place = "shardmill expressions",
              .found = "there is no type, operator or function " + quoted(arguments.target),
              .expected = "one that \"shardmill expressions\" lists",
              .fix = near ? "did you mean " + quoted(*near) + "?" : ""}
          .text()));
}

}  // namespace shardmill
