// `new`: a job file for files that are there, or one to start from.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/look_at_files.h"
#include "pipeline/base/glob.h"
#include "pipeline/plan/plan.h"
#include "pipeline/plan/walk.h"

namespace shardmill {

namespace {

bool exists(const std::string& path) {
  struct stat found;
  return ::lstat(path.c_str(), &found) == 0;
}

bool is_same_file(const std::string& a, const std::string& b) {
  struct stat first;
  struct stat second;
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

Status cannot_write(const std::string& path, const std::string& reason, bool is_there) {
  return Status::usage(Message{
      .place = escaped(path),
      .found = "cannot be written: " + reason,
      .expected = is_there ? "a name that is free" : "a place where files can be made",
      .fix = is_there ? "choose another with -o, or replace it with --force; nothing was changed"
                      : "choose another with -o"}
                           .text());
}

/// Never through an existing file unless it is to be replaced.
Status write_file(const std::string& path, std::string_view content, bool replaces) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replaces ? O_TRUNC : O_EXCL);
  const int descriptor = ::open(path.c_str(), flags, 0666);
  ssize_t size = 0;
  while (descriptor >= 0 && !content.empty() &&
         (size = ::write(descriptor, content.data(), content.size())) > 0) {
    content.remove_prefix(static_cast<size_t>(size));
  }
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (descriptor >= 0 && content.empty()) return {};
  return cannot_write(path, system_reason(error), error == EEXIST);
}

std::string with_extension(const std::string& path) {
  return path.ends_with(".toml") ? path : path + ".toml";
}

/// A single word that is no file and does not look like one names a job to start from.
bool is_name(const Arguments& arguments) {
  if (arguments.paths.size() != 1 || !arguments.write_path.empty()) return false;
  const std::string& word = arguments.paths[0];
  const std::string last = word.substr(word.rfind('/') + 1);
  const bool has_extension = last.find('.') != std::string::npos && !last.ends_with(".toml");
  return !exists(word) && !has_glob(word) && !last.empty() && !has_extension;
}

int write_template(const Arguments& arguments) {
  const std::string path = with_extension(arguments.paths[0]);
  const std::string last = path.substr(path.rfind('/') + 1);
  const std::string name = last.substr(0, last.size() - 5);
  const Status written =
      write_file(path, new_job_text(is_utf8(name) ? name : escaped(name)), arguments.force);
  if (!written.is_ok()) return print_error(written);
  print(
      fmt::format("wrote {0}; change paths in it, then type: shardmill run {0}\n", escaped(path)));
  return 0;
}

/// Whether the job plans on the files that it was made for. `paths` stand for those of a list that
/// is not written yet.
bool plans(const std::string& text, const Look& look, const std::string& job_path) {
  Problems problems;
  Job job = parse_job(text, job_path, {}, problems);
  if (!problems.empty()) return false;
  if (!look.list.empty()) {
    job.input.files_from.clear();
    for (size_t at = 0; at < look.list.size();) {
      const size_t end = look.list.find('\0', at);
      job.input.paths.push_back(look.list.substr(at, end - at));
      at = end + 1;
    }
  }
  return make_plan(std::move(job), {}, problems).is_ok();
}

Status refuse_to_replace_input(const Arguments& arguments, const std::string& path) {
  for (const std::string& input : arguments.paths) {
    if (!is_same_file(input, path)) continue;
    return Status::usage(Message{.place = escaped(path),
                                 .found = "the job file would replace a file that it reads",
                                 .expected = "another name",
                                 .fix = "choose one with -o"}
                             .text());
  }
  return {};
}

Status write_all(const Look& look, const std::string& text, const std::string& path, bool force) {
  const std::string list_path = file_list_path(path);
  const bool has_list = !look.list.empty();
  for (const std::string& each : {path, list_path}) {
    if (!force && exists(each) && (has_list || each == path)) {
      return cannot_write(each, system_reason(EEXIST), true);
    }
  }
  if (has_list) RETURN_IF_ERROR(write_file(list_path, look.list, force));
  return write_file(path, text, force);
}

/// What speaks against writing to `path`, before anything is looked at.
Status check_path(const Arguments& arguments, const std::string& path) {
  if (!is_utf8(path)) {
    return Status::usage("shardmill new: the job file " + quoted(path) +
                         " is not UTF-8, expected a name that a list of files can have; choose "
                         "another with -o");
  }
  RETURN_IF_ERROR(refuse_to_replace_input(arguments, path));
  if (arguments.force || !exists(path)) return {};
  return cannot_write(path, system_reason(EEXIST), true);
}

/// What was written, in one line that ends with what to type next.
std::string news(const SeenFiles& seen, const std::string& path) {
  const std::string columns =
      seen.format == "lines" ? "" : " with " + counted(seen.columns.size(), "column");
  const std::string others = seen.other.empty() ? ""
                                                : " (" + counted(seen.other.size(), "file") +
                                                      " of other formats left out)";
  return fmt::format("wrote {0} for {1}, read as {2}{3}{4}; now type: shardmill run {0}\n",
                     escaped(path), seen.files, seen.format, columns, others);
}

int write_job(const Arguments& arguments) {
  const bool is_printed = arguments.write_path == "-";
  const std::string name =
      arguments.write_path.empty() ? job_name_of(arguments.paths[0]) : arguments.write_path;
  const std::string path = is_printed ? std::string() : with_extension(name);
  const Status checked = is_printed ? Status() : check_path(arguments, path);
  if (!checked.is_ok()) return print_error(checked);
  const Result<Look> look = look_at_files({.paths = arguments.paths, .job_path = path});
  if (!look.is_ok()) return print_error(look.status());
  std::string text = draft_job(look->seen, DraftStages::kSummary);
  if (!plans(text, *look, path)) text = draft_job(look->seen, DraftStages::kCount);
  if (is_printed) {
    print(text);
    return 0;
  }
  const Status written = write_all(*look, text, path, arguments.force);
  if (!written.is_ok()) return print_error(written);
  print(news(look->seen, path));
  return 0;
}

}  // namespace

int new_command(const Arguments& arguments) {
  if (arguments.paths.empty() && arguments.write_path.empty()) {
    print(new_job_text("first job"));
    return 0;
  }
  if (arguments.paths.empty()) {
    return print_error(Status::usage(
        "shardmill new: -o names a job file, but no path is given, expected files to look at; for "
        "instance \"shardmill new logs -o first.toml\""));
  }
  return is_name(arguments) ? write_template(arguments) : write_job(arguments);
}

}  // namespace shardmill
