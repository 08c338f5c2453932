#include "pipeline/run/run_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "pipeline/base/message.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/plan/run_identity.h"
#include "pipeline/plan/walk.h"
#include "pipeline/report/report_html.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/durable.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kStatusBytesMax = 1 << 20;
constexpr uint64_t kInputsBytesMax = uint64_t{1} << 34;  ///< of job.toml and manifest.tsv

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

/// Our own status.json: the number behind `key`, or 0.
uint64_t number_after(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  uint64_t value = 0;
  if (at == std::string_view::npos) return value;
  std::from_chars(text.data() + at + key.size(), text.data() + text.size(), value);
  return value;
}

/// What a run leaves that was killed while it took its lock.
bool holds_only_locks(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (!at->path().filename().string().starts_with(".lock-")) return false;
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
                    has_run_lock(path) || holds_only_locks(path);
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
  ASSIGN_OR_RETURN(dir.lock_, RunLock::take(path));
  RETURN_IF_ERROR(check_holder(path, fresh));  // again: another run may just have ended
  if (!fresh && has_lost_index(path)) {
    return refusal(path, "checkpoints of an unfinished run whose index cannot be read",
                   "checkpoint/index-N as the run wrote it",
                   "look at that folder and its disk, or start over with --fresh");
  }
  if (fresh || !can_resume(path)) RETURN_IF_ERROR(clear(path));
  RETURN_IF_ERROR(make_folder(checkpoint_folder(path), true));
  dir.path_ = path;
  dir.keeps_parts_ = true;
  if (parts_beside.empty()) return dir;
  RETURN_IF_ERROR(make_folder(path + "/parts", true));
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
  std::error_code ignored;
  if (!parts_dir_.empty()) fs::remove_all(parts_dir_, ignored);
  if (is_kept()) fs::remove_all(checkpoint_folder(path_), ignored);
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

RunProgress RunDir::progress_told() const {
  RunProgress progress;
  const Result<std::string> text = read_whole(path_ + "/status.json", kStatusBytesMax);
  if (!text.is_ok()) return progress;
  progress.disk_bytes = number_after(*text, "\"disk_bytes_read\": ");
  progress.bytes_done_again = number_after(*text, "\"bytes_done_again\": ");
  return progress;
}

void RunDir::write_status(std::string_view state, const RunProgress& progress, const Plan& plan,
                          double elapsed_seconds) const {
  if (!is_kept()) return;
  const Heartbeat& sum = progress.sum;
  const Status ignored = write(
      "status.json",
      fmt::format("{{\"state\": \"{}\", \"units_done\": {}, \"units\": {}, \"disk_bytes\": {}, "
                  "\"disk_bytes_total\": {}, \"disk_bytes_read\": {}, \"bytes_done_again\": {}, "
                  "\"records\": {}, \"bad_records\": {}, \"elapsed_seconds\": {:.1f}}}\n",
                  state, sum.units, plan.units.size(), sum.disk_bytes, plan.manifest.total_bytes,
                  progress.disk_bytes, progress.bytes_done_again, sum.records, sum.rejected,
                  elapsed_seconds));
  (void)ignored;  // only news; what counts is written with errors seen
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
  RETURN_IF_ERROR(write_results_h5(run, path_ + "/results.h5"));
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
  return write_durably(path_, std::string(kChecksumsName), checksums_text(list, own));
}

Status RunDir::write_partial(const RunDescription& run) const {
  if (!is_kept()) return {};
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
  std::error_code ignored;
  for (const char* name : {"/parts", "/checkpoint", "/partial.json"}) {
    fs::remove_all(run_dir + name, ignored);
  }
  remove_stale_lock(run_dir);
}

Status make_folders(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) RETURN_IF_ERROR(make_folder(path, false));
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
