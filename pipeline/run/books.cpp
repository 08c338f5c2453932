#include "pipeline/run/books.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/run/unit_report.h"

namespace shardmill {

namespace {

constexpr const char* kNotRead = "not read";

/// What the slices of one file say together.
struct FileTally {
  uint64_t slices = 0;
  uint64_t bad = 0;
  uint64_t kept = 0;  ///< of those: their records before the error count
  uint64_t not_read = 0;
  std::string error;
  std::string note;
};

/// Of the bytes of a slice on disk, those that do not count.
uint64_t lost_bytes(const SliceBooks& slice, uint64_t slice_bytes) {
  if (slice.error.empty()) return 0;
  const uint64_t kept = slice.plain_bytes > 0 ? slice.disk_bytes : 0;
  return slice_bytes - std::min(kept, slice_bytes);
}

void add_slice(FileResult& file, FileTally& tally, const SliceBooks& slice) {
  file.disk_bytes += slice.disk_bytes;
  file.plain_bytes += slice.plain_bytes;
  file.records += slice.records;
  file.rejected += slice.rejected;
  file.bad_values += slice.bad_values;
  file.seconds += slice.seconds;
  ++file.units;
  ++tally.slices;
  tally.not_read += slice.note == kNotReadNote ? 1 : 0;
  if (!slice.error.empty()) {
    ++tally.bad;
    tally.kept += slice.plain_bytes > 0 ? 1 : 0;
    if (tally.error.empty()) tally.error = slice.error;
  } else if (!slice.note.empty() && tally.note.empty()) {
    tally.note = slice.note;
  }
}

void judge(FileResult& file, const FileTally& tally) {
  if (tally.not_read == tally.slices) {
    file.outcome = kNotRead;
    return;
  }
  file.reason = tally.bad > 0 ? tally.error : tally.note;
  if (tally.bad > 0) {
    const bool nothing_counts = tally.bad == tally.slices && tally.kept == 0;
    file.outcome = nothing_counts ? "bad" : "partly read";
  } else if (tally.note.find("grew") != std::string::npos) {
    file.outcome = "grew";
    if (tally.note == "grew") file.reason.clear();
  } else {
    file.outcome = file.plain_bytes == 0 && file.size_bytes == 0 ? "empty" : "read";
  }
}

void add_notes(const Manifest& manifest, std::vector<FileResult>& files) {
  if (manifest.notes.empty()) return;  // there may be millions of files
  for (const ManifestNote& note : manifest.notes) {
    files.push_back({.path = note.path, .outcome = "bad", .reason = note.reason});
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const FileResult& a, const FileResult& b) { return a.path < b.path; });
}

/// Calls `visit(file index, slice)` for all slices of all units, in canonical order.
template <typename Visit>
void for_each_slice(const UnitBooks& units, Visit&& visit) {
  for (const std::vector<SliceBooks>& unit : units) {
    for (const SliceBooks& slice : unit) visit(slice);
  }
}

using SliceKey = std::pair<uint64_t, uint64_t>;  ///< file index, begin

/// Records and rejects of the same file before each slice, for files with kept rejects.
std::map<SliceKey, uint64_t> records_before(const UnitBooks& units, const Rejects& rejects) {
  std::map<uint64_t, uint64_t> so_far;  // by file
  for (const KeptReject& reject : rejects.kept()) so_far[reject.identity.file_index] = 0;
  std::map<SliceKey, uint64_t> before;
  for_each_slice(units, [&](const SliceBooks& slice) {
    const auto file = so_far.find(slice.file_index);
    if (file == so_far.end()) return;
    before[{slice.file_index, slice.begin}] = file->second;
    file->second += slice.records + slice.rejected;
  });
  return before;
}

std::string stage_place(const BoundJob& job, size_t stage) {
  return fmt::format("stage {} ({})", stage, job.stages[stage].spec->name);
}

void expect_equal(std::vector<std::string>& problems, const std::string& place,
                  std::string_view what, uint64_t found, uint64_t expected) {
  if (found == expected) return;
  problems.push_back(Message{
      .place = place,
      .found = fmt::format("{} {}", with_separators(found), what),
      .expected = with_separators(expected),
      .fix = {}}.text());
}

void check_stages(const BoundJob& job, const Totals& totals, uint64_t records_read,
                  std::vector<std::string>& problems) {
  uint64_t coming = records_read;
  for (size_t i = 0; i < totals.books.size(); ++i) {
    const StageBooks& books = totals.books[i];
    const uint64_t dropped =
        std::accumulate(books.dropped.begin(), books.dropped.end(), uint64_t{0});
    const std::string place = stage_place(job, i);
    expect_equal(problems, place, "records came in", books.records_in, coming);
    expect_equal(problems, place, "records came in or were made", books.records_in + books.made,
                 books.records_out + dropped + books.rejected);
    coming = books.records_out;
  }
}

/// Only plain files are cut, so their ranges add up to their size.
void check_cut_files(const Plan& plan, const UnitBooks& units, std::vector<std::string>& problems) {
  std::map<uint64_t, std::pair<uint64_t, bool>> cut;  // by file: plain bytes, all ranges read
  for (const UnitRange& unit : plan.units) {
    if (unit.begin > 0) cut[unit.first_file] = {0, true};
  }
  // A run that stopped early did not come to all units.
  for (size_t i = 0; i < plan.units.size(); ++i) {
    const auto file = cut.find(plan.units[i].first_file);
    if (file != cut.end() && units[i].empty()) file->second.second = false;
  }
  for_each_slice(units, [&](const SliceBooks& slice) {
    const auto file = cut.find(slice.file_index);
    if (file == cut.end()) return;
    file->second.first += slice.plain_bytes;
    if (!slice.error.empty()) file->second.second = false;
  });
  for (const auto& [index, tally] : cut) {
    const ManifestFile& file = plan.manifest.files[index];
    if (!tally.second) continue;
    expect_equal(problems, escaped(file.path), "bytes in its ranges", tally.first, file.size_bytes);
  }
}

}  // namespace

std::vector<FileResult> file_results(const Plan& plan, const UnitBooks& units) {
  std::vector<FileResult> files;
  files.reserve(plan.manifest.files.size());
  for (const ManifestFile& file : plan.manifest.files) {
    files.push_back({.path = file.path, .size_bytes = file.size_bytes, .outcome = kNotRead});
  }
  // Units follow the manifest, so that slices of one file follow each other.
  FileTally tally;
  uint64_t tallied = 0;
  for (size_t unit = 0; unit < units.size(); ++unit) {
    for (const SliceBooks& slice : units[unit]) {
      if (slice.file_index != tallied) {
        judge(files[tallied], std::exchange(tally, {}));
        tallied = slice.file_index;
      }
      FileResult& file = files[slice.file_index];
      add_slice(file, tally, slice);
      const uint64_t end = std::min(plan.units[unit].end, file.size_bytes);
      file.lost_bytes += lost_bytes(slice, end - std::min(slice.begin, end));
    }
  }
  if (tally.slices > 0) judge(files[tallied], tally);
  add_notes(plan.manifest, files);
  return files;
}

std::vector<BadRecord> bad_records(const Plan& plan, const UnitBooks& units,
                                   const Rejects& rejects) {
  const std::map<SliceKey, uint64_t> before = records_before(units, rejects);
  std::vector<BadRecord> records;
  for (const KeptReject& reject : rejects.kept()) {
    BadRecord record = {.path = plan.manifest.files[reject.identity.file_index].path,
                        .offset = reject.identity.offset,
                        .reason = reject.reason,
                        .bytes = reject.bytes,
                        .record_bytes = reject.record_bytes,
                        .by_stage = reject.by_stage};
    const auto slice = before.find({reject.identity.file_index, reject.slice_begin});
    if (reject.ordinal && slice != before.end()) {
      record.record_number = slice->second + *reject.ordinal + 1;
    }
    if (const Replay* replay = plan.message.replay.get()) {
      record.record_number = replay->number_at(reject.identity.file_index, reject.identity.offset);
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<BadValueCount> bad_value_counts(const Rejects& rejects) {
  std::vector<BadValueCount> counts;
  for (const auto& [column, values] : rejects.bad_values()) {
    BadValueCount& count = counts.emplace_back();
    count.column = column;
    count.count = values.count;
    for (const auto& [identity, value] : values.examples) count.examples.push_back(value);
  }
  return counts;
}

std::vector<StageResult> stage_results(const BoundJob& job, const Totals& totals) {
  std::vector<StageResult> results;
  for (size_t i = 0; i < job.stages.size(); ++i) {
    const StageSpec& spec = *job.stages[i].spec;
    StageResult& result = results.emplace_back();
    result.use = spec.name;
    result.name = job.stages[i].name;
    for (const NamedCount& reason : spec.drop_reasons) result.drop_reasons.push_back(reason.name);
    for (const NamedCount& counter : spec.counters) result.counters.push_back(counter.name);
    result.books = totals.books[i];
  }
  return results;
}

std::vector<std::string> check_balance(const Plan& plan, const UnitBooks& units,
                                       const Totals& totals) {
  std::vector<std::string> problems;
  uint64_t records = 0;
  uint64_t rejected = 0;
  for_each_slice(units, [&](const SliceBooks& slice) {
    records += slice.records;
    rejected += slice.rejected;
  });
  check_stages(*plan.bound, totals, records, problems);
  for (const StageBooks& books : totals.books) rejected += books.rejected;
  expect_equal(problems, "rejected records", "were reported", totals.rejects.count(), rejected);
  if (plan.bound->job.run.limit_records == 0) check_cut_files(plan, units, problems);
  return problems;
}

}  // namespace shardmill
