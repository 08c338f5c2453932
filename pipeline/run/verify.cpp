#include "pipeline/run/verify.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/walk.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/finished_run.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/team.h"
#include "pipeline/run/verify_books.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

/// How one file of the list was found.
struct Found {
  uint64_t bytes = 0;
  std::string problem;  ///< empty if it is as the run left it
};

std::string problem(std::string place, std::string found, std::string expected) {
  return Message{.place = std::move(place),
                 .found = std::move(found),
                 .expected = std::move(expected),
                 .fix = {}}
      .text();
}

Found check_file(const std::string& run_dir, const Checksum& file) {
  const std::string path = file.name.starts_with('/') ? file.name : run_dir + "/" + file.name;
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    return {.problem =
                problem(escaped(path), "the file cannot be opened (" + system_reason(errno) + ")",
                        "what the run wrote")};
  }
  if (!S_ISREG(status.st_mode)) {
    return {.problem = problem(escaped(path), "no regular file", "what the run wrote")};
  }
  const Result<SealedFile> now = checksum_file(path);
  if (!now.is_ok()) return {.problem = now.status().message()};
  Found found = {.bytes = now->bytes};
  if (now->checksum != file.value) {
    found.problem = problem(escaped(path),
                            fmt::format("changed since the run: XXH3_{:016x}, {}", now->checksum,
                                        counted(now->bytes, "byte")),
                            fmt::format("XXH3_{:016x}", file.value));
  }
  return found;
}

std::vector<Found> check_files(const std::string& run_dir, const std::vector<Checksum>& list,
                               unsigned threads) {
  std::vector<Found> found(list.size());
  std::atomic<size_t> next = 0;
  const auto work = [&](unsigned) {
    for (size_t i = next++; i < list.size(); i = next++) found[i] = check_file(run_dir, list[i]);
  };
  const size_t workers = std::clamp<size_t>(list.size(), 1, std::max(1u, threads));
  run_team(
      static_cast<unsigned>(workers), [](unsigned) {}, work);
  return found;
}

/// Files below output/ that the list does not name, a message each.
std::vector<std::string> find_strangers(const std::string& run_dir,
                                        const std::vector<Checksum>& list) {
  std::set<std::string> known;
  for (const Checksum& file : list) known.insert(file.name);
  std::vector<std::string> strangers;
  std::error_code error;
  fs::recursive_directory_iterator walk(run_dir + "/output", error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    std::error_code ignored;
    if (walk->is_directory(ignored) && !walk->is_symlink(ignored)) continue;
    const std::string path = walk->path().native();
    if (known.contains(path.substr(run_dir.size() + 1))) continue;
    strangers.push_back(problem(escaped(path), "not of this run", "only what the run wrote"));
  }
  std::sort(strangers.begin(), strangers.end());
  if (error && error != std::errc::no_such_file_or_directory) {
    strangers.push_back(
        problem(escaped(run_dir) + "/output",
                "not all of it can be listed (" + system_reason(error.value()) + ")",
                "what the run wrote"));
  }
  return strangers;
}

void add_problems(std::vector<std::string> found, Verification& verification) {
  for (std::string& one : found) verification.problems.push_back(std::move(one));
}

/// The outputs that are as the run left them.
std::vector<SoundOutput> verify_files(const std::string& run_dir, unsigned threads,
                                      Verification& verification) {
  const Result<std::vector<Checksum>> list = read_checksums(run_dir);
  if (!list.is_ok()) {
    verification.problems.push_back(list.status().message());
    return {};
  }
  std::vector<SoundOutput> outputs;
  uint64_t bytes = 0;
  uint64_t good = 0;
  const std::vector<Found> found = check_files(run_dir, *list, threads);
  for (size_t i = 0; i < found.size(); ++i) {
    bytes += found[i].bytes;
    good += found[i].problem.empty() ? 1 : 0;
    if (!found[i].problem.empty()) verification.problems.push_back(found[i].problem);
    if (i + kCheckedNames.size() >= found.size()) continue;
    if (found[i].problem.empty())
      outputs.push_back({.name = (*list)[i].name, .bytes = found[i].bytes});
  }
  verification.checked.push_back(fmt::format("files   {} of {} as the run left them, {} read",
                                             with_separators(good), with_separators(list->size()),
                                             format_bytes(bytes)));
  std::vector<std::string> strangers = find_strangers(run_dir, *list);
  verification.checked.push_back(strangers.empty()
                                     ? "output  nothing else is there"
                                     : "output  " + counted(strangers.size(), "other file"));
  add_problems(std::move(strangers), verification);
  return outputs;
}

}  // namespace

Result<Verification> verify_run(const std::string& run_dir, unsigned threads) {
  ASSIGN_OR_RETURN(const std::string folder, find_run(run_dir));
  Verification verification;
  if (!has_checksums(folder)) {
    verification.problems.push_back(
        Message{.place = escaped(folder),
                .found = "the run has not finished",
                .expected = std::string(kChecksumsName) + ", its last file",
                .fix = "wait for it, or give its command again"}
            .text());
    return verification;
  }
  const std::vector<SoundOutput> outputs = verify_files(folder, threads, verification);
  BooksFound books = verify_books(folder, outputs);
  if (!books.checked.empty()) verification.checked.push_back(std::move(books.checked));
  add_problems(std::move(books.problems), verification);
  return verification;
}

}  // namespace shardmill
