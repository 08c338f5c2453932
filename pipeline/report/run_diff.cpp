#include "pipeline/report/run_diff.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>

namespace shardmill {

namespace {

using Counts = std::vector<std::pair<std::string, uint64_t>>;

/// Those that differ, in the order of `before`, then what only `after` has.
std::vector<CountChange> diff_counts(const Counts& before, const Counts& after) {
  std::map<std::string, uint64_t> theirs(after.begin(), after.end());
  std::vector<CountChange> changes;
  for (const auto& [name, count] : before) {
    const auto other = theirs.find(name);
    const uint64_t now = other == theirs.end() ? 0 : other->second;
    if (count != now) changes.push_back({.name = name, .before = count, .after = now});
    if (other != theirs.end()) theirs.erase(other);
  }
  for (const auto& [name, count] : after) {
    if (count > 0 && theirs.contains(name)) changes.push_back({.name = name, .after = count});
  }
  return changes;
}

Counts input_counts(const ReadResults& results) {
  return {{"files", results.files},
          {"bytes", results.bytes},
          {"records", results.records},
          {"bad records", results.bad_records},
          {"bad files", results.bad_files}};
}

/// `passes_all`: what goes in comes out, so that one number tells both.
Counts stage_counts(const ReadStage& stage, bool passes_all) {
  Counts counts = {{"records in", stage.records_in}, {"records out", stage.records_out}};
  if (passes_all) counts = {{"records", stage.records_in}};
  for (const auto& [reason, records] : stage.dropped) {
    counts.emplace_back("dropped " + reason, records);
  }
  counts.emplace_back("rejected", stage.rejected);
  counts.emplace_back("made", stage.made);
  counts.insert(counts.end(), stage.counters.begin(), stage.counters.end());
  return counts;
}

Counts file_counts(const FileLine& file) {
  return {{"bytes", file.size_bytes}, {"records", file.records}, {"rejected", file.rejected}};
}

std::vector<Pair> pair_stages(const std::vector<ReadStage>& before,
                              const std::vector<ReadStage>& after) {
  const size_t most = std::min(before.size(), after.size());
  size_t front = 0;
  while (front < most && before[front].use == after[front].use) ++front;
  size_t back = 0;
  while (back < most - front &&
         before[before.size() - 1 - back].use == after[after.size() - 1 - back].use) {
    ++back;
  }
  std::vector<Pair> pairs;
  for (size_t i = 0; i < front; ++i) pairs.push_back({i, i});
  for (size_t i = front; i < before.size() - back; ++i) pairs.push_back({i, std::nullopt});
  for (size_t i = front; i < after.size() - back; ++i) pairs.push_back({std::nullopt, i});
  for (size_t i = back; i > 0; --i) pairs.push_back({before.size() - i, after.size() - i});
  return pairs;
}

/// Things of one name, the first with the first if several have it: in the order of `before`, then
/// what only `after` has.
template <typename Item, typename NameOf>
std::vector<Pair> pair_by_name(const std::vector<Item>& before, const std::vector<Item>& after,
                               NameOf name_of) {
  std::map<std::string_view, std::vector<size_t>> theirs;
  for (size_t i = after.size(); i > 0; --i) theirs[name_of(after[i - 1])].push_back(i - 1);
  std::vector<Pair> pairs;
  for (size_t i = 0; i < before.size(); ++i) {
    const auto found = theirs.find(name_of(before[i]));
    if (found == theirs.end() || found->second.empty()) {
      pairs.push_back({i, std::nullopt});
    } else {
      pairs.push_back({i, found->second.back()});
      found->second.pop_back();
    }
  }
  std::vector<size_t> left;
  for (const auto& [name, places] : theirs) left.insert(left.end(), places.begin(), places.end());
  std::sort(left.begin(), left.end());
  for (const size_t place : left) pairs.push_back({std::nullopt, place});
  return pairs;
}

std::vector<FileChange> diff_files(const FileSums& before, const FileSums& after) {
  std::vector<FileChange> changes;
  const auto path_of = [](const FileLine& file) -> std::string_view { return file.path; };
  for (const Pair& at : pair_by_name(before.lines, after.lines, path_of)) {
    FileChange change = {.at = at};
    if (at.is_in_both()) {
      const FileLine& ours = before.lines[*at.before];
      const FileLine& theirs = after.lines[*at.after];
      change.counts = diff_counts(file_counts(ours), file_counts(theirs));
      change.has_other_outcome = ours.outcome != theirs.outcome;
      if (change.counts.empty() && !change.has_other_outcome) continue;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<StageChange> diff_stages(const ReadResults& before, const ReadResults& after) {
  std::vector<StageChange> changes;
  for (const Pair& at : pair_stages(before.stages, after.stages)) {
    StageChange change = {.at = at};
    if (at.is_in_both()) {
      const ReadStage& ours = before.stages[*at.before];
      const ReadStage& theirs = after.stages[*at.after];
      const bool passes_all =
          ours.records_in == ours.records_out && theirs.records_in == theirs.records_out;
      change.counts = diff_counts(stage_counts(ours, passes_all), stage_counts(theirs, passes_all));
      if (change.counts.empty()) continue;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<TableChange> diff_all_tables(const ReadResults& before, const ReadResults& after) {
  std::vector<TableChange> changes;
  const auto name_of = [](const ReadTable& table) -> std::string_view { return table.name; };
  for (const Pair& at : pair_by_name(before.tables, after.tables, name_of)) {
    TableChange change = {.at = at};
    if (at.is_in_both()) {
      const ReadTable& ours = before.tables[*at.before];
      const ReadTable& theirs = after.tables[*at.after];
      change.rows = diff_tables(ours, theirs);
      change.has_other_row_count = ours.row_count != theirs.row_count;
      if (change.rows.is_empty() && !change.has_other_row_count) continue;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<OutputChange> diff_outputs(const FinishedRun& before, const FinishedRun& after) {
  std::vector<OutputChange> changes;
  const auto name_of = [](const std::pair<std::string, uint64_t>& output) -> std::string_view {
    return output.first;
  };
  for (const Pair& at : pair_by_name(before.outputs, after.outputs, name_of)) {
    const bool is_same =
        at.is_in_both() && before.outputs[*at.before].second == after.outputs[*at.after].second;
    if (!is_same) changes.push_back({.at = at});
  }
  return changes;
}

/// What follows the job's name, which stands in the first line.
std::string_view without_name(std::string_view results) {
  return results.substr(std::min(results.find('\n'), results.size()));
}

}  // namespace

bool RunDiff::is_same() const {
  return inputs.empty() && bad_values.empty() && stages.empty() && tables.empty() &&
         outputs.empty() && !only_other_bytes && !only_other_rows;
}

bool has_more_rows(const FinishedRun& before, const FinishedRun& after) {
  if (before.results_h5 == after.results_h5) return false;
  for (const FinishedRun* run : {&before, &after}) {
    for (const ReadTable& table : run->results.tables) {
      if (table.shown_rows() < table.row_count) return true;
    }
  }
  return false;
}

RunDiff diff_runs(const FinishedRun& before, const FinishedRun& after) {
  RunDiff diff;
  diff.inputs = diff_counts(input_counts(before.results), input_counts(after.results));
  diff.bad_values = diff_counts(before.results.bad_values, after.results.bad_values);
  diff.has_other_job = before.job != after.job;
  diff.has_other_schema = before.schema != after.schema;
  diff.files = diff_files(before.files, after.files);
  diff.stages = diff_stages(before.results, after.results);
  diff.tables = diff_all_tables(before.results, after.results);
  diff.outputs = diff_outputs(before, after);
  diff.only_other_bytes =
      diff.is_same() && without_name(before.results_text) != without_name(after.results_text);
  diff.only_other_rows = diff.is_same() && has_more_rows(before, after);
  return diff;
}

}  // namespace shardmill
