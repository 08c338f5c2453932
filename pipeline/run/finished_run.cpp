#include "pipeline/run/finished_run.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/report/results_h5_read.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

constexpr uint64_t kFilesBytesMax = uint64_t{16} << 30;

bool exists(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0;
}

Status no_run(const std::string& run_dir, std::string found, std::string fix,
              std::string_view expected = "the directory of a finished run") {
  return Status::usage(Message{.place = escaped(run_dir),
                               .found = std::move(found),
                               .expected = std::string(expected),
                               .fix = std::move(fix)}
                           .text());
}

Status changed(const std::string& run_dir, const std::string& path) {
  return Status::failed(Message{.place = escaped(path),
                                .found = "changed since the run",
                                .expected = "the file that it left",
                                .fix = "\"shardmill verify " + escaped(run_dir) + "\" tells more"}
                            .text());
}

/// One of the run's own files, as the run left it. REQUIRES: `list` ends with kCheckedNames.
Result<std::string> read_own(const std::string& run_dir, const std::vector<Checksum>& list,
                             std::string_view name, uint64_t bytes_max) {
  const std::string path = run_dir + "/" + std::string(name);
  ASSIGN_OR_RETURN(std::string text, read_whole(path, bytes_max));
  const auto own = std::find_if(list.rbegin(), list.rend(),
                                [&](const Checksum& file) { return file.name == name; });
  if (own != list.rend() && own->value == hash64(text)) return text;
  return changed(run_dir, path);
}

}  // namespace

bool has_checksums(const std::string& run_dir) {
  return exists(run_dir + "/" + std::string(kChecksumsName));
}

Result<std::string> find_run(const std::string& run_dir, std::string_view expected) {
  constexpr const char* kFix = "runs leave it in JOB.run or --run-dir";
  struct stat status = {};
  if (::stat(run_dir.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return no_run(run_dir, "there is no such folder", kFix, expected);
  }
  std::string folder = run_dir;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  const bool is_run =
      has_checksums(folder) || exists(folder + "/manifest.tsv") || exists(folder + "/lock");
  if (!is_run) return no_run(run_dir, "the folder holds no run", kFix, expected);
  return folder;
}

Result<FinishedRun> read_finished_run(const std::string& run_dir) {
  FinishedRun run = {.place = run_dir};
  ASSIGN_OR_RETURN(const std::string folder, find_run(run_dir));
  if (!has_checksums(folder)) {
    return no_run(run_dir, "the run has not finished", "wait for it, or give its command again");
  }
  ASSIGN_OR_RETURN(const std::vector<Checksum> list, read_checksums(folder));
  for (size_t i = 0; i + kCheckedNames.size() < list.size(); ++i) {
    run.outputs.emplace_back(list[i].name, list[i].value);
  }
  for (const Checksum& file : list) {
    if (file.name == "results.h5") run.results_h5 = file.value;
    if (file.name == "job.toml") run.job = file.value;
    if (file.name == "schema.json") run.schema = file.value;
  }
  ASSIGN_OR_RETURN(run.results_text, read_own(folder, list, "results.json", kResultsBytesMax));
  Result<ReadResults> results = read_results(run.results_text);
  if (!results.is_ok()) return results.status().at(escaped(folder) + "/results.json");
  run.results = std::move(*results);
  ASSIGN_OR_RETURN(const std::string files, read_own(folder, list, "files.tsv", kFilesBytesMax));
  Result<FileSums> sums = sum_files_tsv(files);
  if (!sums.is_ok()) return Status::failed(escaped(folder) + "/" + sums.status().message());
  run.files = std::move(*sums);
  return run;
}

Status read_all_rows(FinishedRun& run) {
  uint64_t rows = 0;
  for (const ReadTable& table : run.results.tables) rows += std::min(table.row_count, kRowsReadMax);
  if (rows > kRowsReadMax) return {};
  const std::string path = run.place + "/results.h5";
  ASSIGN_OR_RETURN(const SealedFile file, checksum_file(path));
  if (file.checksum != run.results_h5) return changed(run.place, path);
  return read_results_h5(path, run.results.tables);
}

}  // namespace shardmill
