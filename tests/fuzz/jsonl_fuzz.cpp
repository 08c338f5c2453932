// JSON lines: the fast reader takes the same records and values as the plain one.
#include <gtest/gtest.h>

#include "inputs/support/json_columns.h"
#include "inputs/support/json_extract.h"
#include "pipeline/formats/byte_source.h"
#include "pipeline/formats/json_paths.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_jsonl();

namespace {

const std::vector<JsonColumn>& columns() {
  static const std::vector<JsonColumn> list = {{"a", Type::kText, 0}, {"a.b", Type::kText, 1},
                                               {"b", Type::kInt, 2},  {"c", Type::kFloat, 3},
                                               {"d", Type::kBool, 4}, {"e", Type::kTime, 5}};
  return list;
}

/// How many lines the plain reader takes, and the texts of column `a`.
struct Plain {
  size_t records = 0;
  std::vector<Cell> texts;
};

Plain read_plainly(std::string_view content) {
  std::vector<std::string> names;
  for (const JsonColumn& column : columns()) names.push_back(column.name);
  const JsonPaths paths(names);
  JsonColumns values(columns());
  JsonExtractor extractor(paths, values);
  const FileSlice slice;
  SliceEnd end;
  RejectCounter rejects(slice, nullptr, end);
  Batch batch;
  batch.columns.resize(columns().size());
  Plain plain;
  while (!content.empty()) {
    const size_t newline = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, newline);
    content.remove_prefix(std::min(newline + 1, content.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    values.begin_batch(batch, 1);
    values.begin_record(0);
    if (extractor.extract(line)) {
      values.undo_record();
      continue;
    }
    values.end_record(0, rejects);
    ++plain.records;
    const Column& text = batch.columns[0];
    plain.texts.push_back(text.is_null(0) ? Cell() : Cell(std::string(text.text[0])));
  }
  return plain;
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  GTEST_FLAG_SET(throw_on_failure, true);
  Choices choices(data, size);
  const unsigned slice = 1 + choices.below(40);
  const std::string content(choices.rest());
  if (detect_compression(content) != Compression::kNone) return 0;
  if (content.starts_with("\xef\xbb\xbf")) return 0;  // a mark is no part of the first line
  InputUnderTest input(input_jsonl(), {}, content);
  for (const JsonColumn& column : columns()) {
    input.schema().columns.push_back({.name = column.name, .type = column.type});
  }
  const ReadRecords whole = input.read_whole({.chunk_bytes = 1 << 20});
  const ReadRecords cut = input.read_slices({.chunk_bytes = 16}, slice);
  require(whole.rows == cut.rows, "other records when cut");
  require(whole.rejects == cut.rejects, "other rejects when cut");
  require(whole.bad_values == cut.bad_values, "other bad values when cut");
  const Plain plain = read_plainly(content);
  require(plain.records == whole.rows.size(), "the plain reader takes other records");
  for (size_t i = 0; i < plain.records; ++i) {
    require(plain.texts[i] == whole.rows[i][0], "the plain reader finds another value");
  }
  return 0;
}
