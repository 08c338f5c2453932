#include "pipeline/run/run_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "pipeline/base/message.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/plan/walk.h"
#include "pipeline/run/checksums.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockMark = "shardmill run\n";

/// Everything that is ours in a run directory; the mark of a finished run goes first.
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
    std::string_view("schema.json"),
    std::string_view("manifest.tsv"),
    std::string_view("output"),
    std::string_view("parts"),
    std::string_view("checkpoint"),
    std::string_view("job.toml"),
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
  return Status::failed(Message{.place = escaped(path),
                                .found = "the folder cannot be made (" + system_reason(error) + ")",
                                .expected = {},
                                .fix = "check the folder above it and its permissions"}
                            .text());
}

Status make_folder(const std::string& path, bool is_private) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return folder_error(path, error.value());
  if (is_private) ::chmod(path.c_str(), 0700);
  return {};
}

/// The mark of a run that was killed, however early.
bool has_our_lock(const std::string& path) {
  const FileHandle lock(::open((path + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, kLockMark.size()> start = {};
  const ssize_t size = lock.is_open() ? ::read(lock.get(), start.data(), start.size()) : -1;
  return size >= 0 && std::string_view(start.data(), static_cast<size_t>(size)) == kLockMark;
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
  const bool ours =
      (exists(path + "/job.toml") && exists(path + "/manifest.tsv")) || has_our_lock(path);
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

Result<FileHandle> take_lock(const std::string& path) {
  const std::string name = path + "/lock";
  FileHandle lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.is_open()) return file_error(name, "created", errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return refusal(path, "another run is at work in this run directory", "none",
                   "wait for it, or choose another --run-dir");
  }
  RETURN_IF_ERROR(write_at(lock, 0, kLockMark, name));
  return lock;
}

Status clear(const std::string& path) {
  for (const std::string_view name : kOurNames) {
    std::error_code error;
    fs::remove_all(path + "/" + std::string(name), error);
    if (error) return file_error(path + "/" + std::string(name), "removed", error.value());
  }
  return {};
}

Result<std::string> make_temporary_folder(const std::string& beside) {
  RETURN_IF_ERROR(make_folder(beside, false));
  std::string pattern = beside + "/.shardmill-parts-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return folder_error(beside, errno);
  return pattern;
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
  RETURN_IF_ERROR(make_folder(path, false));
  ASSIGN_OR_RETURN(dir.lock_, take_lock(path));
  RETURN_IF_ERROR(clear(path));
  dir.path_ = path;
  if (parts_beside.empty()) return dir;
  RETURN_IF_ERROR(make_folder(path + "/parts", true));
  dir.parts_dir_ = path + "/parts";
  return dir;
}

RunDir& RunDir::operator=(RunDir&& other) noexcept {
  path_.swap(other.path_);
  parts_dir_.swap(other.parts_dir_);
  std::swap(lock_, other.lock_);
  return *this;
}

RunDir::~RunDir() {
  remove_parts();
  if (lock_.is_open()) ::unlink((path_ + "/lock").c_str());
}

void RunDir::remove_parts() {
  if (parts_dir_.empty()) return;
  std::error_code ignored;
  fs::remove_all(parts_dir_, ignored);
  parts_dir_.clear();
}

Status RunDir::write(const std::string& name, const std::string& content) const {
  const OutputPlace place = {.root = path_, .relative = name, .temporary = "." + name + ".tmp"};
  ::unlink((path_ + "/" + place.temporary).c_str());
  ASSIGN_OR_RETURN(FileHandle file, open_temporary(place));
  RETURN_IF_ERROR(write_at(file, 0, content, place.text()));
  RETURN_IF_ERROR(file.close(place.text()));
  const std::string temporary = path_ + "/" + place.temporary;
  if (std::rename(temporary.c_str(), place.text().c_str()) != 0) {
    return file_error(place.text(), "renamed", errno);
  }
  return {};
}

Status RunDir::write_inputs(const Plan& plan) const {
  if (!is_kept()) return {};
  RETURN_IF_ERROR(write("job.toml", plan.bound->job.text));
  RETURN_IF_ERROR(write("manifest.tsv", manifest_tsv(plan.manifest)));
  return write("schema.json", schema_json(plan.message));
}

void RunDir::write_status(std::string_view state, const Heartbeat& sum, const Plan& plan,
                          double elapsed_seconds) const {
  if (!is_kept()) return;
  const Status ignored = write(
      "status.json",
      fmt::format("{{\"state\": \"{}\", \"units_done\": {}, \"units\": {}, \"disk_bytes\": {}, "
                  "\"disk_bytes_total\": {}, \"records\": {}, \"bad_records\": {}, "
                  "\"elapsed_seconds\": {:.1f}}}\n",
                  state, sum.units, plan.units.size(), sum.disk_bytes, plan.manifest.total_bytes,
                  sum.records, sum.rejected, elapsed_seconds));
  (void)ignored;  // only news; what counts is written with errors seen
}

Status RunDir::write_books(const RunDescription& run) const {
  if (!is_kept()) return {};
  RETURN_IF_ERROR(write("run.json", run_json(run)));
  RETURN_IF_ERROR(write("files.tsv", files_tsv(run)));
  RETURN_IF_ERROR(write("bad_records.jsonl", bad_records_jsonl(run)));
  return write("report.txt", report_text(run, {.colour = false, .width = 100}));
}

Status RunDir::write_results(const RunDescription& run,
                             const std::vector<std::pair<std::string, uint64_t>>& outputs) const {
  if (!is_kept()) return {};
  RETURN_IF_ERROR(write_results_h5(run, path_ + "/results.h5"));
  RETURN_IF_ERROR(write("results.json", results_json(run)));
  std::vector<Checksum> own;
  for (const char* name : kCheckedNames) {
    ASSIGN_OR_RETURN(const SealedFile file, checksum_file(path_ + "/" + name));
    own.push_back({.name = name, .value = file.checksum});
  }
  std::vector<Checksum> list;
  for (const auto& [name, checksum] : outputs) list.push_back({.name = name, .value = checksum});
  return write(std::string(kChecksumsName), checksums_text(list, own));
}

Status make_folders(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) RETURN_IF_ERROR(make_folder(path, false));
  return {};
}

std::string manifest_tsv(const Manifest& manifest) {
  std::string out = "path\tsize_bytes\tmtime_ns\n";
  for (const ManifestFile& file : manifest.files) {
    out += fmt::format("{}\t{}\t{}\n", escaped(file.path), file.size_bytes, file.mtime_ns);
  }
  return out;
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
