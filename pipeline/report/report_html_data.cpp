// What report.html shows of a run, as JSON: counts as numbers, all text visible() and bounded.
#include <algorithm>

#include "pipeline/report/cells.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html.h"
#include "pipeline/report/report_html_how.h"
#include "pipeline/report/report_html_rows.h"
#include "pipeline/report/report_html_tables.h"
#include "pipeline/report/report_html_text.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

constexpr size_t kNameWidth = 300;     ///< code points of paths and names
constexpr size_t kReasonWidth = 500;   ///< of messages
constexpr size_t kExcerptWidth = 300;  ///< of records
constexpr size_t kJobBytes = 60'000;   ///< of the job file
constexpr size_t kStagesShown = 200;
constexpr size_t kStagesBytes = 300'000;
constexpr size_t kBadFilesShown = 200;
constexpr size_t kBadRecordsShown = 300;
constexpr size_t kOutputsShown = 300;
constexpr size_t kSlowFilesShown = 50;
constexpr size_t kColumnsShown = 100;
constexpr size_t kMessagesShown = 20;

std::string name_json(std::string_view text) {
  return json_text(visible(text, kNameWidth));
}

std::string texts_json(const std::vector<std::string>& texts, size_t most) {
  std::vector<std::string> items;
  for (size_t i = 0; i < std::min(texts.size(), most); ++i) {
    items.push_back(json_text(visible(texts[i], kReasonWidth)));
  }
  return json_array(items);
}

std::string number_json(uint64_t value) {
  return std::to_string(value);
}

uint64_t files_read(const RunDescription& run) {
  return static_cast<uint64_t>(std::count_if(
      run.files.begin(), run.files.end(),
      [](const FileResult& file) { return file.outcome != "bad" && file.outcome != "not read"; }));
}

std::string totals_json(const RunDescription& run) {
  return JsonObject()
      .integer("files", run.files.size())
      .integer("files_read", files_read(run))
      .integer("bad_files", bad_file_count(run))
      .integer("disk_bytes", run.disk_bytes)
      .integer("plain_bytes", run.plain_bytes)
      .integer("bytes_total", run.bytes_total)
      .integer("records", run.records)
      .integer("bad_records", run.bad_records)
      .integer("bad_values", bad_value_count(run))
      .integer("units", run.units)
      .integer("units_done", run.units_done)
      .integer("attempt", run.attempt)
      .integer("units_before", run.units_before)
      .integer("bytes_done_again", run.bytes_done_again)
      .str();
}

/// The lines of the job file, as many as fit.
std::string job_json(std::string_view text) {
  size_t bytes = kJobBytes;
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string line = script_json(json_text(visible(text.substr(0, end), kReasonWidth)));
    if (line.size() > bytes) {
      lines.push_back("\"...\"");
      break;
    }
    bytes -= line.size();
    lines.push_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return json_array(lines);
}

std::string asked_json(const RunDescription& run) {
  return JsonObject()
      .json("paths", texts_json(run.input_paths, kMessagesShown))
      .integer("path_count", run.input_paths.size())
      .text("format", visible(run.input_format, kNameWidth))
      .json("job", job_json(run.job_text))
      .str();
}

/// Examples of records, as long as they fit into what is left of `bytes`.
std::string examples_json(const RecordExamples& examples, size_t& bytes) {
  std::vector<std::string> items;
  for (const RecordExample& example : examples.list()) {
    std::string item = json_array({name_json(example.path), number_json(example.offset),
                                   json_text(visible(example.record, kExcerptWidth))});
    const size_t size = script_json(item).size();
    if (size > bytes) break;
    bytes -= size;
    items.push_back(std::move(item));
  }
  return json_array(items);
}

std::string departures_json(const StageResult& stage, size_t& bytes) {
  std::vector<std::string> items;
  const StageBooks& books = stage.books;
  for (size_t i = 0; i < stage.drop_reasons.size() && i < books.dropped.size(); ++i) {
    if (books.dropped[i] == 0) continue;
    JsonObject item;
    item.text("why", visible(stage.drop_reasons[i], kNameWidth)).integer("count", books.dropped[i]);
    if (i < books.examples.size()) item.json("examples", examples_json(books.examples[i], bytes));
    items.push_back(item.str());
  }
  return json_array(items);
}

std::string counters_json(const StageResult& stage) {
  std::vector<std::string> items;
  for (size_t i = 0; i < stage.counters.size() && i < stage.books.counts.size(); ++i) {
    if (stage.books.counts[i] == 0) continue;
    items.push_back(json_array({name_json(stage.counters[i]), number_json(stage.books.counts[i])}));
  }
  return json_array(items);
}

std::string stage_json(const StageResult& stage, size_t& bytes) {
  std::vector<std::string> asked;
  for (const AskedOption& option : stage.asked) {
    asked.push_back(
        json_array({name_json(option.name), json_text(visible(option.value, kReasonWidth))}));
    bytes -= std::min(bytes, script_json(asked.back()).size());
    if (bytes == 0) asked.clear();
  }
  JsonObject object;
  object.text("use", visible(stage.use, kNameWidth))
      .text("name", visible(stage.name, kNameWidth))
      .json("asked", json_array(asked))
      .integer("in", stage.books.records_in)
      .integer("out", stage.books.records_out)
      .integer("made", stage.books.made)
      .integer("rejected", stage.books.rejected)
      .json("left", departures_json(stage, bytes))
      .json("counted", counters_json(stage));
  if (!stage.books.shown.list().empty()) {
    object.json("shown", examples_json(stage.books.shown, bytes));
  }
  return object.str();
}

std::string stages_json(const RunDescription& run) {
  size_t bytes = kStagesBytes;
  std::vector<std::string> stages;
  for (size_t i = 0; i < std::min(run.stages.size(), kStagesShown); ++i) {
    stages.push_back(stage_json(run.stages[i], bytes));
  }
  return json_lines(stages, 0);
}

std::string bad_files_json(const RunDescription& run) {
  PageRows rows(kBadFilesShown);
  for (const FileResult& file : run.files) {
    if (rows.is_full()) break;
    if (!is_bad_file(file)) continue;
    rows.add({name_json(file.path), json_text(file.outcome), number_json(file.size_bytes),
              json_text(visible(file.reason, kReasonWidth))});
  }
  return rows.str();
}

std::string bad_records_json(const RunDescription& run) {
  PageRows rows(kBadRecordsShown);
  for (const BadRecord& bad : run.bad_records_kept) {
    if (rows.is_full()) break;
    rows.add({name_json(bad.path), number_json(bad.offset),
              bad.record_number == 0 ? "null" : number_json(bad.record_number),
              number_json(bad.record_bytes), json_text(visible(bad.reason, kReasonWidth)),
              json_text(visible(bad.bytes, kExcerptWidth))});
  }
  return rows.str();
}

std::string bad_values_json(const RunDescription& run) {
  PageRows rows(kColumnsShown);
  for (const BadValueCount& bad : run.bad_values) {
    if (rows.is_full()) break;
    std::string examples;
    for (const std::string& example : bad.examples) {
      examples += (examples.empty() ? "" : ", ") + visible(example, 40);
    }
    rows.add({name_json(bad.column), number_json(bad.count),
              json_text(visible(examples, kReasonWidth))});
  }
  return rows.str();
}

std::string outputs_json(const RunDescription& run) {
  PageRows rows(kOutputsShown);
  for (const OutputResult& output : run.outputs) {
    if (rows.is_full()) break;
    rows.add({name_json(output.path), number_json(output.records), number_json(output.bytes)});
  }
  return rows.str();
}

std::string slow_files_json(const RunDescription& run) {
  std::vector<const FileResult*> files;
  for (const FileResult& file : run.files) {
    if (file.seconds > 0) files.push_back(&file);
  }
  const size_t shown = std::min(files.size(), kSlowFilesShown);
  std::partial_sort(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(shown), files.end(),
                    [](const FileResult* a, const FileResult* b) {
                      return a->seconds != b->seconds ? a->seconds > b->seconds : a->path < b->path;
                    });
  PageRows rows(kSlowFilesShown);
  for (size_t i = 0; i < shown; ++i) {
    const FileResult& file = *files[i];
    rows.add({name_json(file.path), page_number(file.seconds), number_json(file.disk_bytes),
              number_json(file.records)});
  }
  return rows.str();
}

}  // namespace

std::string report_page_data(const RunDescription& run) {
  JsonObject data;
  data.text("job_name", visible(run.job_name, kNameWidth))
      .text("run_dir", visible(run.run_dir, kNameWidth))
      .text("version", visible(run.version, kNameWidth))
      .text("started", visible(run.started_utc, kNameWidth))
      .text("stopped_by", visible(run.stopped_by, kReasonWidth))
      .json("books_problems", texts_json(run.books_problems, kMessagesShown))
      .json("notes", texts_json(run.checkpoint_notes, kMessagesShown))
      .json("seconds", seconds_json(run.seconds))
      .json("totals", totals_json(run))
      .json("asked", asked_json(run))
      .json("stages", stages_json(run))
      .integer("stage_count", run.stages.size())
      .json("tables", json_lines(page_tables(run.tables, {.rows = run.rows_in_report}), 0))
      .integer("table_count", run.tables.size())
      .json("bad_files", bad_files_json(run))
      .json("bad_records", bad_records_json(run))
      .json("bad_values", bad_values_json(run))
      .json("outputs", outputs_json(run))
      .integer("output_count", run.outputs.size())
      .json("slow_files", slow_files_json(run))
      .json("how", page_how_it_ran(run));
  return data.str();
}

}  // namespace shardmill
