// `report`: what a run left, in the form that is asked for.
#include <fmt/format.h>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/report/table_export.h"
#include "pipeline/run/finished_run.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

constexpr uint64_t kReportBytesMax = uint64_t{1} << 30;

int print_file(const std::string& path) {
  const Result<std::string> text = read_text(path, kReportBytesMax);
  if (text.is_ok()) {
    print(*text);
    return 0;
  }
  return print_error(Status::usage(Message{.place = escaped(path),
                                           .found = "the report " + text.status().message(),
                                           .expected = "the directory of a finished run",
                                           .fix = "runs leave it in JOB.run or --run-dir"}
                                       .text()));
}

/// results.json, or what there is of it when the run stopped early.
std::string results_path(const std::string& run_dir) {
  const std::string partial = run_dir + "/partial.json";
  return !has_checksums(run_dir) && read_whole(partial, kReportBytesMax).is_ok()
             ? partial
             : run_dir + "/results.json";
}

/// Tables of a finished run have all their rows; of one that stopped early, those of partial.json.
Result<ReadResults> read_tables(const std::string& run_dir) {
  ASSIGN_OR_RETURN(const std::string folder, find_run(run_dir));
  if (has_checksums(folder)) {
    ASSIGN_OR_RETURN(FinishedRun run, read_finished_run(folder));
    RETURN_IF_ERROR(read_all_rows(run));
    return std::move(run.results);
  }
  const std::string path = results_path(folder);
  ASSIGN_OR_RETURN(const std::string text, read_whole(path, kResultsBytesMax));
  Result<ReadResults> results = read_results(text);
  if (!results.is_ok()) return results.status().at(escaped(path));
  return results;
}

std::vector<std::string> names_of(const ReadResults& results) {
  std::vector<std::string> names;
  for (const ReadTable& table : results.tables) names.push_back(table.name);
  return names;
}

std::string quoted_names(const std::vector<std::string>& names) {
  std::vector<std::string> quoted_ones;
  for (const std::string& name : names) quoted_ones.push_back(quoted(name));
  return listed(quoted_ones, 8);
}

/// The table that is meant; of a run with one table that one needs no name.
Result<const ReadTable*> choose(const ReadResults& results, const Arguments& arguments) {
  const std::vector<std::string> names = names_of(results);
  if (arguments.table.empty() && names.size() == 1) return &results.tables[0];
  for (const ReadTable& table : results.tables) {
    if (!arguments.table.empty() && table.name == arguments.table) return &table;
  }
  Message message = {.place = escaped(arguments.target),
                     .found = arguments.table.empty()
                                  ? "the run has " + counted(names.size(), "table")
                                  : "no table " + quoted(arguments.table),
                     .expected = names.empty() ? "one" : "one of " + quoted_names(names)};
  if (const auto near = near_match(arguments.table, names)) {
    message.fix = "did you mean " + quoted(*near) + "?";
  } else {
    message.fix = names.empty() ? "a job with a stage that summarises has tables"
                                : "choose it with --table NAME";
  }
  return Status::usage(message.text());
}

std::string in_form(const ReadTable& table, const std::string& format) {
  if (format == "csv") return table_csv(table);
  if (format == "markdown") return table_markdown(table);
  return format == "json" ? table_as_json(table) : table_text(table);
}

int print_tables(const Arguments& arguments) {
  const Result<ReadResults> results = read_tables(arguments.target);
  if (!results.is_ok()) return print_error(results.status());
  if (arguments.format == "markdown" && arguments.table.empty()) {
    for (const ReadTable& table : results->tables) {
      print("## " + markdown_text(table.name) + "\n\n" + table_markdown(table) + "\n");
    }
    return 0;
  }
  const Result<const ReadTable*> table = choose(*results, arguments);
  if (!table.is_ok()) return print_error(table.status());
  print(in_form(**table, arguments.format));
  return 0;
}

}  // namespace

int report_command(const Arguments& arguments) {
  const bool is_whole_report =
      arguments.table.empty() && arguments.format != "csv" && arguments.format != "markdown";
  if (!is_whole_report) return print_tables(arguments);
  if (arguments.format == "json") return print_file(results_path(arguments.target));
  return print_file(arguments.target +
                    (arguments.format == "html" ? "/report.html" : "/report.txt"));
}

}  // namespace shardmill
