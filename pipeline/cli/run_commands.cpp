// The commands that run a job: `run`, and `count`, `grep` and `profile`, which make theirs.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/profile_text.h"
#include "pipeline/cli/run_work.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/toml_tree.h"
#include "pipeline/report/description.h"

namespace shardmill {

namespace {

constexpr size_t kBadFilesShown = 20;

std::string toml_list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) {
    out += (out.empty() ? "" : ", ") + toml_quoted(is_utf8(item) ? item : escaped(item));
  }
  return "[" + out + "]";
}

/// A job that no file holds: its problems have no lines, and its paths any bytes.
Result<Job> made_job(const std::string& text, const Arguments& arguments, std::string_view place) {
  Problems problems;
  Job job = parse_job(text, place, arguments.settings, problems);
  Problems without_lines;
  for (const Problems::Problem& problem : problems.list()) without_lines.add(0, problem.message);
  if (!problems.empty()) return Status::usage(problems_text(place, without_lines));
  job.input.paths = arguments.paths;
  job.input.line = 0;
  for (JobStage& stage : job.stages) stage.options.stage_line = 0;
  return job;
}

RunRequest request_of(const Arguments& arguments) {
  return {.run_dir = arguments.run_dir,
          .threads = arguments.threads,
          .quiet = arguments.quiet,
          .fresh = arguments.fresh,
          .time_limit = arguments.time_limit,
          .trace = arguments.trace};
}

void print_bad_files(const RunDescription& run) {
  size_t bad = 0;
  for (const FileResult& file : run.files) {
    if (file.reason.empty() || bad++ >= kBadFilesShown) continue;
    fmt::print(stderr, "{}: {}\n", escaped(file.path), file.reason);
  }
  if (bad > kBadFilesShown)
    fmt::print(stderr, "and {} more\n", counted(bad - kBadFilesShown, "file"));
}

uint64_t files_read(const RunDescription& run) {
  return static_cast<uint64_t>(
      std::count_if(run.files.begin(), run.files.end(),
                    [](const FileResult& file) { return file.outcome != "bad"; }));
}

/// People read separators, programs do not.
std::string count_text(Int128 value) {
  std::string digits;
  append_int128(digits, value);
  const bool small = value >= 0 && value <= Int128{INT64_MAX};
  // mpirun gives its processes a terminal even where its own output is a file.
  const bool people_read = ::isatty(STDOUT_FILENO) != 0 && !launched_by_mpi();
  return small && people_read ? with_separators(static_cast<uint64_t>(value)) : digits;
}

const TableColumn* column_of(const RunDescription& run, std::string_view name) {
  for (const Table& table : run.tables) {
    for (const TableColumn& column : table.columns) {
      if (column.name == name && column.ints.size() == 1) return &column;
    }
  }
  return nullptr;
}

void print_counts(const RunDescription& run) {
  std::vector<std::pair<std::string, std::string>> cells = {
      {"files", count_text(static_cast<Int128>(files_read(run)))},
      {"bytes", count_text(static_cast<Int128>(run.plain_bytes))},
      {"lines", count_text(static_cast<Int128>(run.records))}};
  if (const TableColumn* words = column_of(run, "words")) {
    cells.emplace_back("words", count_text(words->ints[0]));
  }
  std::string heads;
  std::string values;
  for (const auto& [head, value] : cells) {
    const size_t width = std::max(head.size(), value.size()) + (heads.empty() ? 0 : 2);
    heads += fmt::format("{:>{}}", head, width);
    values += fmt::format("{:>{}}", value, width);
  }
  print(heads + "\n" + values + "\n");
  print_bad_files(run);
}

void print_matches(const RunDescription& run) {
  Int128 total = 0;
  size_t files = 0;
  std::vector<std::string> counts;
  size_t width = 1;
  const Table* table = run.tables.empty() ? nullptr : &run.tables[0];
  if (table != nullptr && table->columns.size() == 2) {
    for (const Int128 count : table->columns[1].ints) {
      total += count;
      counts.push_back(count_text(count));
      width = std::max(width, counts.back().size());
    }
    files = counts.size();
  }
  std::string out;
  for (size_t i = 0; i < files; ++i) {
    out += fmt::format("{:>{}}  {}\n", counts[i], width, escaped(table->columns[0].text[i]));
  }
  print(out + fmt::format("{:>{}}  in {} of {}\n", count_text(total), width, files,
                          counted(files_read(run), "file")));
  print_bad_files(run);
}

std::string absolute(const std::string& path) {
  char folder[PATH_MAX];
  if (path.starts_with('/') || ::getcwd(folder, sizeof folder) == nullptr) return path;
  return std::string(folder) + "/" + path;
}

std::string grep_job(const Arguments& arguments) {
  std::string job = fmt::format(
      "name = \"grep\"\n[input]\npaths = {}\nformat = \"lines\"\n[[stage]]\nuse = \"grep\"\n"
      "fixed = {}\nignore_case = {}\ninvert = {}\n",
      toml_list(arguments.paths), arguments.fixed, arguments.ignore_case, arguments.invert);
  if (!arguments.patterns.empty()) {
    job += fmt::format("patterns = {}\n", toml_list(arguments.patterns));
  }
  if (!arguments.patterns_from.empty()) {
    job += fmt::format("patterns_from = {}\n", toml_quoted(arguments.patterns_from));
  }
  job +=
      "[[stage]]\nuse = \"group\"\nname = \"matches\"\nby = [\"$file\"]\ncompute = [\"count()\"]\n";
  if (!arguments.write_path.empty()) {
    job += fmt::format("[[stage]]\nuse = \"write\"\npath = {}\n",
                       toml_quoted(absolute(arguments.write_path)));
  }
  return job;
}

std::string count_job(const Arguments& arguments) {
  return fmt::format(
      "name = \"count\"\n[input]\npaths = {}\nformat = \"lines\"\n[[stage]]\nuse = \"count\"\n"
      "words = {}\n",
      toml_list(arguments.paths), !arguments.no_words);
}

std::string profile_job(const Arguments& arguments) {
  return fmt::format("name = \"profile\"\n[input]\npaths = {}\n[[stage]]\nuse = \"profile\"\n",
                     toml_list(arguments.paths));
}

/// Their results are short, so the whole report is left out.
Work quick_work(const Arguments& arguments) {
  Work work = {.request = request_of(arguments), .strict = arguments.strict};
  work.request.quiet = true;
  return work;
}

void print_profile(const RunDescription& run) {
  print(profile_text(run));
  print_bad_files(run);
}

}  // namespace

int run_command(const Arguments& arguments) {
  Work work = {.request = request_of(arguments), .strict = arguments.strict};
  work.replay = arguments.replay;
  if (work.request.run_dir.empty()) {
    work.request.run_dir =
        default_run_dir(arguments.target, arguments.replay.empty() ? "" : ".replay");
  }
  work.read_job = [&] { return read_job(arguments); };
  return run_work(work);
}

int count_command(const Arguments& arguments) {
  Work work = quick_work(arguments);
  work.read_job = [&] { return made_job(count_job(arguments), arguments, "shardmill count"); };
  work.finished = print_counts;
  return run_work(work);
}

int grep_command(const Arguments& arguments) {
  Work work = quick_work(arguments);
  work.read_job = [&] {
    Result<Job> job = made_job(grep_job(arguments), arguments, "shardmill grep");
    if (job.is_ok() && !arguments.patterns_from.empty()) {
      // Messages shall not name a line of a job that nobody sees.
      job->stages[0].options.set("patterns_from", arguments.patterns_from, 0);
    }
    return job;
  };
  work.finished = print_matches;
  return run_work(work);
}

int profile_command(const Arguments& arguments) {
  Work work = quick_work(arguments);
  work.read_job = [&] {
    Result<Job> job = made_job(profile_job(arguments), arguments, "shardmill profile");
    if (job.is_ok() && !arguments.columns.empty()) {
      job->stages[0].options.set("columns", arguments.columns, 0);
    }
    return job;
  };
  work.finished = print_profile;
  return run_work(work);
}

}  // namespace shardmill
