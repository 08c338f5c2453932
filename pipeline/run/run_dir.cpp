#include "pipeline/run/run_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "pipeline/base/message.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/plan/run_identity.h"
#include "pipeline/plan/walk.h"
#include "pipeline/report/report_html.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/attempt_log.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/durable.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kInputsBytesMax = uint64_t{1} << 34;  ///< of job.toml and manifest.tsv

/// Everything that is ours in a run directory; the mark of a finished run goes first, what shows
/// that the folder is a run's goes last.
constexpr std::array kOurNames = {
    kChecksumsName,
    std::string_view("results.json"),
    std::string_view("results.h5"),
    std::string_view("report.html"),
    std::string_view("report.txt"),
    std::string_view("run.json"),
    std::string_view("files.tsv"),
    std::string_view("bad_records.jsonl"),
    std::string_view("partial.json"),
    std::string_view("status.json"),
    kAttemptsName,
    std::string_view("schema.json"),
    std::string_view("output"),
    std::string_view("parts"),
    std::string_view("checkpoint"),
    std::string_view("job.toml"),
    std::string_view("manifest.tsv"),
};

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Status refusal(const std::string& path, std::string found, std::string expected, std::string fix) {
  return Status::usage(Message{.place = escaped(path),
                               .found = std::move(found),
                               .expected = std::move(expected),
                               .fix = std::move(fix)}
                           .text());
}

Status folder_error(const std::string& path, int error) {
  return disk_error({.place = escaped(path),
                     .found = "the folder cannot be made (" + system_reason(error) + ")",
                     .expected = {},
                     .fix = "check the folder above it and its permissions"},
                    error);
}

Status make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? folder_error(path, error.value()) : Status::ok();
}

/// A folder of the run itself: a symlink in its place would lead elsewhere.
Result<FileHandle> make_own_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return folder_error(path, errno);
  FileHandle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.is_open()) return folder;
  const int error = errno;
  struct stat status = {};
  const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  if (!is_link && error != ENOTDIR) return file_error(path, "opened", error);
  return Status::failed(Message{.place = escaped(path),
                                .found = is_link ? "a symlink" : "no folder",
                                .expected = "a folder of the run's own",
                                .fix = "take it away, or choose another --run-dir"}
                            .text());
}

/// For what only the user may see.
Status make_private_folder(const std::string& path) {
  ASSIGN_OR_RETURN(const FileHandle folder, make_own_folder(path, 0700));
  struct stat status = {};
  const bool is_private = ::fstat(folder.get(), &status) == 0 && (status.st_mode & 07777) == 0700;
  // File systems without modes refuse: there, who may see what is decided where they are mounted.
  if (!is_private && ::fchmod(folder.get(), 0700) != 0 && errno != EPERM && errno != ENOTSUP) {
    return folder_error(path, errno);
  }
  return {};
}

std::string temporary_name(std::string_view name) {
  return "." + std::string(name) + ".tmp";
}

/// Not a file of the user's of that name.
bool is_own_manifest(const std::string& path) {
  const Result<std::string> text = read_whole(path, kInputsBytesMax);
  return text.is_ok() && text->starts_with(manifest_tsv({}));
}

bool is_of_a_start(const fs::path& path) {
  const std::string name = path.filename();
  std::error_code error;
  if (name == "manifest.tsv") return is_own_manifest(path);
  if (name == kAttemptsName) return is_attempt_log(path);
  if (name == "checkpoint" || name == "parts" || name == "output") {
    return fs::is_directory(fs::symlink_status(path, error)) && fs::is_empty(path, error) && !error;
  }
  if (name == kSlurmFolder) {
    return fs::is_directory(fs::symlink_status(path, error)) &&
           fs::exists(path / kBatchScript, error);
  }
  return name.starts_with(".lock-") ||
         std::any_of(kOurNames.begin(), kOurNames.end(),
                     [&](std::string_view ours) { return name == temporary_name(ours); });
}

/// What a run leaves that was killed, or found no room on the disk, while it began.
bool holds_only_a_start(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (!is_of_a_start(at->path())) return false;
  }
  return !error;
}

/// A folder of the user's is never taken for one of ours.
Status check_holder(const std::string& path, bool fresh) {
  std::error_code ignored;
  if (!exists(path)) return {};
  if (!fs::is_directory(path, ignored)) {
    return refusal(path, "a file", "a folder or a new name", "choose another --run-dir");
  }
  if (fs::is_empty(path, ignored)) return {};
  // job.toml alone may be the user's own; only a run writes a manifest beside it.
  const bool ours = (exists(path + "/job.toml") && exists(path + "/manifest.tsv")) ||
                    has_run_lock(path) || holds_only_a_start(path);
  if (!ours) {
    return refusal(path, "the folder holds other things than a run",
                   "a run directory, an empty folder or a new name", "choose another --run-dir");
  }
  if (!fresh && is_finished_run(path)) {
    return refusal(path, "a finished run", "a new name or an empty folder",
                   "start over with --fresh, or choose another --run-dir");
  }
  return {};
}

/// Attempts that came to nothing stay in the list, unless all is to be `fresh`.
Status clear(const std::string& path, bool fresh) {
  for (const std::string_view name : kOurNames) {
    if (!fresh && name == kAttemptsName) continue;
    std::error_code error;
    fs::remove_all(path + "/" + std::string(name), error);
    if (error) return file_error(path + "/" + std::string(name), "removed", error.value());
  }
  return {};
}

/// Of files that were being written when a run was killed.
void remove_temporary_files(const std::string& path) {
  for (const std::string_view name : kOurNames) {
    ::unlink((path + "/" + temporary_name(name)).c_str());
  }
}

Result<std::string> make_temporary_folder(const std::string& beside) {
  RETURN_IF_ERROR(make_folder(beside));
  std::string pattern = beside + "/.shardmill-parts-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return folder_error(beside, errno);
  return pattern;
}

Status write_h5(const RunDescription& run, const std::string& run_dir) {
  int error = 0;
  const Status status = write_results_h5(run, run_dir + "/" + temporary_name("results.h5"), &error);
  return error == 0 ? status : file_error(run_dir + "/results.h5", "written", error);
}

}  // namespace

Result<RunDir> RunDir::open(const std::string& path, bool fresh, const std::string& parts_beside) {
  RunDir dir;
  if (path.empty()) {
    if (parts_beside.empty()) return dir;
    ASSIGN_OR_RETURN(dir.parts_dir_, make_temporary_folder(parts_beside));
    return dir;
  }
  RETURN_IF_ERROR(check_holder(path, fresh));
  RETURN_IF_ERROR(make_folder(path));
  ASSIGN_OR_RETURN(dir.lock_, RunLock::take(path));
  RETURN_IF_ERROR(check_holder(path, fresh));  // again: another run may just have ended
  if (!fresh && has_lost_index(path)) {
    return refusal(path, "checkpoints of an unfinished run whose index cannot be read",
                   "checkpoint/index-N as the run wrote it",
                   "look at that folder and its disk, or start over with --fresh");
  }
  remove_temporary_files(path);
  if (fresh || !can_resume(path)) RETURN_IF_ERROR(clear(path, fresh));
  RETURN_IF_ERROR(make_private_folder(checkpoint_folder(path)));
  dir.path_ = path;
  dir.keeps_parts_ = true;
  if (parts_beside.empty()) return dir;
  RETURN_IF_ERROR(make_private_folder(path + "/parts"));
  dir.parts_dir_ = path + "/parts";
  return dir;
}

RunDir& RunDir::operator=(RunDir&& other) noexcept {
  path_.swap(other.path_);
  parts_dir_.swap(other.parts_dir_);
  std::swap(keeps_parts_, other.keeps_parts_);
  std::swap(lock_, other.lock_);
  return *this;
}

RunDir::~RunDir() {
  if (!keeps_parts_) remove_parts();
}

void RunDir::remove_parts() {
  if (!check_lock().is_ok()) return;  // they are another run's now
  std::error_code ignored;
  if (!parts_dir_.empty()) fs::remove_all(parts_dir_, ignored);
  if (is_kept()) fs::remove_all(checkpoint_folder(path_), ignored);
  parts_dir_.clear();
}

Status RunDir::write(const std::string& name, const std::string& content) const {
  const OutputPlace place = {.root = path_, .relative = name, .temporary = temporary_name(name)};
  return replace(name, [&]() -> Status {
    ASSIGN_OR_RETURN(FileHandle file, open_temporary(place));
    RETURN_IF_ERROR(write_at(file, 0, content, place.text()));
    return file.close(place.text());
  });
}

Status RunDir::replace(const std::string& name, const std::function<Status()>& write) const {
  const std::string path = path_ + "/" + name;
  const std::string temporary = path_ + "/" + temporary_name(name);
  ::unlink(temporary.c_str());
  Status status = write();
  if (status.is_ok()) status = check_lock();
  if (status.is_ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = file_error(path, "renamed", errno);
  }
  if (!status.is_ok()) ::unlink(temporary.c_str());
  return status;
}

Status RunDir::write_inputs(const Plan& plan) const {
  if (!is_kept()) return {};
  RETURN_IF_ERROR(write("manifest.tsv", manifest_tsv(plan.manifest)));
  RETURN_IF_ERROR(write("job.toml", plan.bound->job.text));
  return write("schema.json", schema_json(plan.message));
}

void RunDir::write_status(const RunStatus& status) const {
  if (!is_kept()) return;
  // Only news; what counts is written with errors seen.
  const Status ignored = write("status.json", status.json());
  (void)ignored;
}

Status RunDir::write_books(const RunDescription& run) const {
  if (!is_kept()) return {};
  RETURN_IF_ERROR(write("run.json", run_json(run)));
  RETURN_IF_ERROR(write("files.tsv", files_tsv(run)));
  RETURN_IF_ERROR(write("bad_records.jsonl", bad_records_jsonl(run)));
  RETURN_IF_ERROR(write("report.txt", report_text(run, {.colour = false, .width = 100})));
  return write("report.html", report_html(run));
}

Status RunDir::write_results(const RunDescription& run,
                             const std::vector<std::pair<std::string, uint64_t>>& outputs) const {
  if (!is_kept()) return {};
  RETURN_IF_ERROR(check_lock());
  RETURN_IF_ERROR(replace("results.h5", [&] { return write_h5(run, path_); }));
  RETURN_IF_ERROR(write("results.json", results_json(run)));
  std::vector<Checksum> own;
  for (const char* name : kCheckedNames) {
    ASSIGN_OR_RETURN(const SealedFile file, checksum_file(path_ + "/" + name));
    RETURN_IF_ERROR(sync_file(path_ + "/" + name));
    own.push_back({.name = name, .value = file.checksum});
  }
  std::vector<Checksum> list;
  for (const auto& [name, checksum] : outputs) list.push_back({.name = name, .value = checksum});
  ::unlink((path_ + "/partial.json").c_str());
  return write_durably(path_, std::string(kChecksumsName), checksums_text(list, own), lock_key(),
                       0644);
}

Status RunDir::write_partial(const RunDescription& run) const {
  if (!is_kept()) return {};
  for (const char* name : {"/checksums.xxh3", "/results.json", "/results.h5"}) {
    ::unlink((path_ + name).c_str());  // the run may have come so far
  }
  return write("partial.json", results_json(run));
}

std::string first_job(const std::string& run_dir) {
  const Result<std::string> text = read_whole(run_dir + "/job.toml", kInputsBytesMax);
  return text.is_ok() ? *text : std::string();
}

std::string first_manifest(const std::string& run_dir) {
  const Result<std::string> text = read_whole(run_dir + "/manifest.tsv", kInputsBytesMax);
  return text.is_ok() ? *text : std::string();
}

void remove_leftovers(const std::string& run_dir) {
  constexpr std::array kNames = {"parts", "checkpoint", "partial.json", "lock"};
  const bool is_clean = std::none_of(
      kNames.begin(), kNames.end(), [&](const char* name) { return exists(run_dir + "/" + name); });
  if (is_clean || may_be_locked(run_dir)) return;
  const Result<std::unique_ptr<RunLock>> lock = RunLock::take(run_dir);
  if (!lock.is_ok() || !is_finished_run(run_dir)) return;
  std::error_code ignored;
  for (const char* name : {"parts", "checkpoint", "partial.json"}) {
    fs::remove_all(run_dir + "/" + name, ignored);
  }
  remove_temporary_files(run_dir);
}

Status RunDir::make_output_folders(const std::vector<std::string>& paths) const {
  for (const std::string& path : paths) {
    const bool is_own = is_kept() && path == path_ + "/output";
    RETURN_IF_ERROR(is_own ? make_own_folder(path, 0777).status() : make_folder(path));
  }
  return {};
}

std::string schema_json(const PlanMessage& message) {
  std::string out = "{\"format\": ";
  append_json_text(out, message.format);
  out += ", \"columns\": [";
  for (size_t i = 0; i < message.schema.columns.size(); ++i) {
    out += i == 0 ? "\n  {\"name\": " : ",\n  {\"name\": ";
    append_json_text(out, message.schema.columns[i].name);
    out += fmt::format(", \"type\": \"{}\"}}", type_name(message.schema.columns[i].type));
  }
  return out + "]}\n";
}

}  // namespace shardmill
