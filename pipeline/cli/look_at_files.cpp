#include "pipeline/cli/look_at_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "pipeline/base/glob.h"
#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/comm/comm.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/plan.h"
#include "pipeline/plan/toml_tree.h"
#include "pipeline/run/run.h"

namespace shardmill {

namespace {

constexpr const char* kPlace = "shardmill new";
constexpr uint64_t kRecordsLookedAt = 10'000;
constexpr size_t kPathsInJob = 100;
constexpr size_t kFilesForDialect = 8;
constexpr size_t kExcludesInJob = 100;

Status refusal(const Problems& problems) {
  Problems without_lines;
  for (const Problems::Problem& problem : problems.list()) without_lines.add(0, problem.message);
  return Status::usage(problems_text(kPlace, without_lines));
}

/// A job over `input` with one stage, for looking.
Result<Job> looking_job(const std::string& stage, const std::vector<std::string>& paths,
                        const std::vector<std::string>& exclude, const std::string& format,
                        const Settings& settings = {}) {
  Problems problems;
  Job job = parse_job(fmt::format("[input]\npaths = [\"x\"]\n[[stage]]\nuse = \"{}\"\n"
                                  "[run]\nlimit = {}\n",
                                  stage, kRecordsLookedAt),
                      kPlace, settings, problems);
  job.input.paths = paths;
  job.input.exclude = exclude;
  job.input.line = 0;
  for (JobStage& each : job.stages) each.options.stage_line = 0;
  if (problems.empty() && !format.empty()) set_format(job, format, problems);
  if (!problems.empty()) return refusal(problems);
  return job;
}

/// The path without links and dots, or "" if it is not there.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real == nullptr ? std::string() : std::string(real.get());
}

bool is_in_or_below(const std::string& path, const std::string& folder) {
  return path == folder || folder == "/" ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

/// "a/b" of the pattern "a/b/*.csv"; a path that is there is itself.
std::string folder_before_pattern(const std::string& path) {
  if (!has_glob(path) || !real_path(path).empty()) return path;
  std::string folder = path.substr(0, path.find_first_of("*?[\\"));
  folder = folder_of(folder);
  return folder;
}

/// A pattern that matches this text; of bytes that are not UTF-8 any.
std::string exact_pattern(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) {
      out += '?';
    } else {
      if (length == 1 && std::string_view("*?[]\\!").find(text[0]) != std::string_view::npos)
        out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return out;
}

/// Patterns that leave out a path, the shortest first: "*.log.gz" if it has such an extension.
std::vector<std::string> patterns_for(const std::string& path) {
  const std::string name = name_of(path);
  const std::string extension = format_extension(name);
  const size_t at =
      extension.empty() ? std::string::npos : ascii_lower(name).rfind("." + extension);
  std::vector<std::string> patterns;
  if (path.find(".run/") != std::string::npos) patterns.push_back("*.run");
  if (at != std::string::npos) patterns.push_back("*" + exact_pattern(name.substr(at)));
  patterns.push_back(exact_pattern(path));
  return patterns;
}

/// True if the patterns leave out the path or a folder above it, as a walk does.
bool leave_out(const ExcludePatterns& patterns, const std::string& path) {
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    if (patterns.matches(path.substr(0, end))) return true;
  }
  return patterns.matches(path);
}

constexpr std::string_view kOurs = "ours";

/// Formats, with kOurs for what this program makes: job files, and what runs leave. They are no
/// data where there is any other.
std::vector<std::string> formats_of_data(const Manifest& manifest) {
  std::vector<std::string> formats = formats_of_files(manifest);
  std::vector<size_t> ours;
  for (size_t i = 0; i < formats.size(); ++i) {
    const std::string& path = manifest.files[i].path;
    if (path.ends_with(".toml") || path.find(".run/") != std::string::npos) ours.push_back(i);
  }
  if (ours.size() == formats.size()) return formats;
  for (const size_t i : ours) formats[i] = kOurs;
  return formats;
}

class Looker {
 public:
  explicit Looker(const LookRequest& request) : request_(request) {}

  Result<Look> look() {
    seen_.paths = request_.paths;
    leave_out_the_job();
    ASSIGN_OR_RETURN(const Job job, looking_job("count", seen_.paths, seen_.exclude, {}));
    Problems problems;
    Manifest manifest = list_inputs(job.input, {}, problems);
    if (!problems.empty()) return refusal(problems);
    choose_files(manifest);
    RETURN_IF_ERROR(name_files(manifest));
    choose_dialect(manifest);
    RETURN_IF_ERROR(look_at_records());
    return Look{.seen = std::move(seen_), .list = std::move(list_)};
  }

 private:
  /// A job file (and its list) in a folder that it reads would be input of the job.
  void leave_out_the_job() {
    if (request_.job_path.empty()) return;
    const std::string folder = real_path(folder_of(request_.job_path));
    const bool is_inside =
        std::any_of(request_.paths.begin(), request_.paths.end(), [&](const std::string& path) {
          const std::string real = real_path(folder_before_pattern(path));
          return !real.empty() && is_in_or_below(folder, real);
        });
    if (!is_inside) return;
    seen_.exclude = {exact_pattern(name_of(request_.job_path)),
                     exact_pattern(name_of(file_list_path(request_.job_path)))};
  }

  /// The format with the most bytes, and only files of it.
  void choose_files(Manifest& manifest) {
    const std::vector<std::string> formats = formats_of_data(manifest);
    std::map<std::string, uint64_t> bytes;
    for (size_t i = 0; i < formats.size(); ++i) {
      if (!formats[i].empty() && formats[i] != kOurs)
        bytes[formats[i]] += manifest.files[i].size_bytes + 1;
    }
    seen_.format = "lines";
    for (const auto& [format, size] : bytes) {
      if (size > bytes[seen_.format]) seen_.format = format;
    }
    std::vector<ManifestFile> chosen;
    for (size_t i = 0; i < formats.size(); ++i) {
      const bool fits = formats[i].empty() || formats[i] == seen_.format;
      if (fits) {
        chosen.push_back(manifest.files[i]);
      } else {
        seen_.other.push_back(manifest.files[i].path);
        manifest.total_bytes -= manifest.files[i].size_bytes;
      }
    }
    manifest.files = std::move(chosen);
  }

  /// How the job names its files: as they were given where that is possible.
  Status name_files(const Manifest& manifest) {
    leave_out_named_others();
    seen_.files =
        counted(manifest.files.size(), "file") + ", " + format_bytes(manifest.total_bytes);
    seen_.job_name = job_name_of(request_.job_path.empty() ? request_.paths[0] : request_.job_path);
    const bool all_utf8 = std::all_of(request_.paths.begin(), request_.paths.end(), is_utf8);
    if (leave_out_others(manifest) && all_utf8 && request_.paths.size() <= kPathsInJob) return {};
    if (request_.job_path.empty()) {
      return Status::usage(Message{.place = kPlace,
                                   .found = "a job that is printed cannot name these files",
                                   .expected = "at most 100 paths in UTF-8",
                                   .fix = "write it to a file with -o, and their names beside it"}
                               .text());
    }
    for (const ManifestFile& file : manifest.files) list_ += file.path + '\0';
    seen_.paths.clear();
    seen_.exclude.clear();
    seen_.files_from = file_list_path(request_.job_path);
    return {};
  }

  /// Files of other formats that were named are just not named in the job.
  void leave_out_named_others() {
    const auto is_other = [&](const std::string& path) {
      return std::binary_search(seen_.other.begin(), seen_.other.end(), normal_path(path));
    };
    auto& paths = seen_.paths;
    for (const std::string& path : paths) {
      if (is_other(path)) unnamed_.push_back(normal_path(path));
    }
    paths.erase(std::remove_if(paths.begin(), paths.end(), is_other), paths.end());
  }

  /// Patterns for the files of other formats, if there are some that match none of the chosen.
  bool leave_out_others(const Manifest& manifest) {
    for (const std::string& path : seen_.other) {
      const bool was_named = std::find(unnamed_.begin(), unnamed_.end(), path) != unnamed_.end();
      if (was_named || leave_out(ExcludePatterns(seen_.exclude), path)) continue;
      bool found = false;
      for (const std::string& pattern : patterns_for(path)) {
        const ExcludePatterns only({pattern});
        found = std::none_of(manifest.files.begin(), manifest.files.end(),
                             [&](const ManifestFile& file) { return leave_out(only, file.path); });
        if (found) seen_.exclude.push_back(pattern);
        if (found) break;
      }
      if (!found || seen_.exclude.size() > kExcludesInJob) return false;
    }
    return true;
  }

  /// A header that is one field is often one of another dialect: that with the most fields wins.
  /// One of numbers alone is the first record.
  void choose_dialect(const Manifest& manifest) {
    if (seen_.format != "csv") return;
    std::vector<std::string>
        files;  // a few are enough, and many are slow to look at again and again
    for (const ManifestFile& file : manifest.files) {
      if (file.size_bytes > 0 && files.size() < kFilesForDialect) files.push_back(file.path);
    }
    size_t most = column_names(files).size();
    for (const char* delimiter : {";", "\t", "|"}) {
      if (most != 1 && seen_.dialect.empty()) break;
      const auto before = seen_.dialect;
      seen_.dialect = {{"delimiter", toml_quoted(delimiter)}};
      const size_t count = column_names(files).size();
      if (count <= most) seen_.dialect = before;
      most = std::max(most, count);
    }
    const std::vector<std::string> names = column_names(files);
    const bool is_data = std::all_of(names.begin(), names.end(), [](const std::string& name) {
      double number = 0;
      int64_t time = 0;
      return parse_float(name, number) || parse_time(name, time);
    });
    if (is_data && !names.empty()) seen_.dialect.emplace_back("header", "false");
  }

  std::vector<std::string> column_names(const std::vector<std::string>& files) const {
    std::vector<std::string> names;
    if (files.empty()) return names;
    const Result<Plan> plan = plan_of("count", files, {});
    if (!plan.is_ok()) return names;
    for (const InputColumn& column : plan->bound->schema.columns) names.push_back(column.name);
    return names;
  }

  /// Columns and their types as the plan of the job will find them, and the first records.
  Status look_at_records() {
    Result<Plan> plan = plan_of("profile", names(), seen_.exclude);
    if (!plan.is_ok())
      plan = plan_of("count", names(), seen_.exclude);  // a file without a column has no profile
    if (!plan.is_ok()) return plan.status();
    for (const InputColumn& column : plan->bound->schema.columns) {
      SeenColumn seen;
      seen.name = column.name;
      seen.type = column.type;
      seen_.columns.push_back(std::move(seen));
    }
    const std::unique_ptr<Comm> comm = make_single_comm();
    RunDescription run;
    const Status status = run_job(*comm, &plan, {.run_dir = {}, .threads = 1, .quiet = true}, &run);
    if (status.is_ok()) take_facts(run);  // without them the job is shorter
    return {};
  }

  Result<Plan> plan_of(const std::string& stage, const std::vector<std::string>& paths,
                       const std::vector<std::string>& exclude) const {
    Settings settings;
    for (const auto& [key, value] : seen_.dialect) settings.emplace_back("input." + key, value);
    ASSIGN_OR_RETURN(Job job, looking_job(stage, paths, exclude, seen_.format, settings));
    Problems problems;
    return make_plan(std::move(job), {}, problems);
  }

  /// The paths of the job, also where a list holds them.
  std::vector<std::string> names() const {
    if (seen_.files_from.empty()) return seen_.paths;
    std::vector<std::string> names;
    for (size_t at = 0; at < list_.size();) {
      const size_t end = list_.find('\0', at);
      names.push_back(list_.substr(at, end - at));
      at = end + 1;
    }
    return names;
  }

  SeenColumn* seen_column(const std::string& name) {
    const auto at = std::find_if(seen_.columns.begin(), seen_.columns.end(),
                                 [&](const SeenColumn& column) { return column.name == name; });
    return at == seen_.columns.end() ? nullptr : &*at;
  }

  void take_facts(const RunDescription& run) {
    seen_.records = run.records;
    seen_.bad_records = run.bad_records;
    if (!run.bad_records_kept.empty()) {
      const BadRecord& bad = run.bad_records_kept[0];
      seen_.bad_example = place_in_file(bad.path, bad.offset) + ": " + bad.reason;
    }
    for (const FileResult& file : run.files) {
      if (seen_.bad_example.empty() && is_bad_file(file)) {
        seen_.bad_example = escaped(file.path) + ": " + file.reason;
      }
    }
    std::replace(seen_.bad_example.begin(), seen_.bad_example.end(), '\n', ' ');  // it is a comment
    for (const Table& table : run.tables) take_table(table);
  }

  static const TableColumn* column_of(const Table& table, std::string_view name) {
    const auto at = std::find_if(table.columns.begin(), table.columns.end(),
                                 [&](const TableColumn& column) { return column.name == name; });
    return at == table.columns.end() ? nullptr : &*at;
  }

  /// The tables of the profile are known by their columns.
  void take_table(const Table& table) {
    const TableColumn* names = column_of(table, "column");
    const TableColumn* distinct = column_of(table, "distinct");
    const TableColumn* value = column_of(table, "value");
    const TableColumn* median = column_of(table, "p50");
    for (size_t row = 0; names != nullptr && row < table.row_count(); ++row) {
      SeenColumn* seen = seen_column(names->text[row]);
      if (seen == nullptr) continue;
      if (distinct != nullptr) {
        seen->values = static_cast<uint64_t>(column_of(table, "values")->ints[row]);
        seen->nulls = static_cast<uint64_t>(column_of(table, "nulls")->ints[row]);
        seen->distinct = static_cast<uint64_t>(distinct->ints[row]);
        seen->least = column_of(table, "min")->text[row];
        seen->greatest = column_of(table, "max")->text[row];
      } else if (value != nullptr) {
        const bool is_first = seen->frequent.empty() && column_of(table, "count")->ints[row] > 1;
        if (is_first) seen->frequent = value->text[row];
      } else if (median != nullptr && median->type == Type::kFloat) {
        take_middle(median->floats[row], *seen);
      }
    }
  }

  static void take_middle(double value, SeenColumn& seen) {
    append_float(seen.middle, value);
    if (seen.type == Type::kInt && seen.middle.ends_with(".0")) {
      seen.middle.resize(seen.middle.size() - 2);
    }
    const bool is_number = seen.middle.find_first_not_of("0123456789.-+e") == std::string::npos;
    if (!is_number) seen.middle.clear();  // NaN and infinities have no form in expressions
  }

  const LookRequest& request_;
  SeenFiles seen_;
  std::string list_;
  std::vector<std::string> unnamed_;  ///< files that were given and do not stand in the job
};

}  // namespace

std::string file_list_path(const std::string& job_path) {
  const bool is_toml = job_path.ends_with(".toml");
  return job_path.substr(0, job_path.size() - (is_toml ? 5 : 0)) + ".files";
}

Result<Look> look_at_files(const LookRequest& request) {
  return Looker(request).look();
}

}  // namespace shardmill
