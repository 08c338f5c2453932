#include "tests/support/read_input.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

class SeenRejects : public RejectLog {
 public:
  explicit SeenRejects(ReadRecords& out) : out_(out) {}
  void reject(std::string_view, uint64_t offset, std::string_view bytes, uint64_t record_bytes,
              std::string_view reason) override {
    out_.rejects.push_back({.offset = offset,
                            .record_bytes = record_bytes,
                            .bytes = std::string(bytes),
                            .reason = std::string(reason)});
  }
  void bad_value(std::string_view, uint64_t offset, std::string_view column,
                 std::string_view value) override {
    out_.bad_values.push_back(
        {.offset = offset, .column = std::string(column), .value = std::string(value)});
  }

 private:
  ReadRecords& out_;
};

Cell cell_text(const Column& column, size_t row) {
  if (column.is_null(row)) return std::nullopt;
  switch (column.type) {
    case Type::kText:
      return std::string(column.text[row]);
    case Type::kInt:
    case Type::kTime:
      return std::to_string(column.ints[row]);
    case Type::kBool:
      return column.bools[row] != 0 ? "true" : "false";
    case Type::kFloat:
      break;
  }
  char digits[40];
  std::snprintf(digits, sizeof digits, "%.17g", column.floats[row]);
  return digits;
}

void add(const ReadRecords& part, ReadRecords& whole) {
  whole.rows.insert(whole.rows.end(), part.rows.begin(), part.rows.end());
  whole.raw.insert(whole.raw.end(), part.raw.begin(), part.raw.end());
  whole.offsets.insert(whole.offsets.end(), part.offsets.begin(), part.offsets.end());
  whole.rejects.insert(whole.rejects.end(), part.rejects.begin(), part.rejects.end());
  whole.bad_values.insert(whole.bad_values.end(), part.bad_values.begin(), part.bad_values.end());
  whole.longest_batch = std::max(whole.longest_batch, part.longest_batch);
  whole.all_canonical = whole.all_canonical && part.all_canonical;
  whole.end.first_record = part.end.first_record;
  whole.end.handover = part.end.handover;
  whole.end.disk_bytes += part.end.disk_bytes;
  whole.end.plain_bytes += part.end.plain_bytes;
  whole.end.records += part.end.records;
  whole.end.rejected += part.end.rejected;
  whole.end.rejected_bytes += part.end.rejected_bytes;
  whole.end.bad_values += part.end.bad_values;
  if (!part.end.note.empty()) whole.end.note = part.end.note;
}

}  // namespace

void PrintTo(const SeenReject& reject, std::ostream* out) {
  *out << "byte " << reject.offset << ", " << reject.record_bytes << " bytes "
       << quoted(reject.bytes) << ": " << reject.reason;
}

void PrintTo(const SeenBadValue& bad, std::ostream* out) {
  *out << "byte " << bad.offset << ", " << bad.column << " " << quoted(bad.value);
}

InputUnderTest::InputUnderTest(InputSpec spec, Options options, std::string content)
    : spec_(std::move(spec)), options_(std::move(options)), content_(std::move(content)) {}

void InputUnderTest::infer() {
  const FileSlice slice = {.path = "test." + spec_.extensions[0], .size_bytes = content_.size()};
  Problems problems;
  const SampleFiles files = {.headers = {slice}, .types = {slice}, .content = &content_};
  Result<InputSchema> schema = spec_.infer(options_, ReadLimits{}, files, problems);
  ASSERT_TRUE(schema.is_ok()) << schema.status().message();
  for (const auto& problem : problems.list()) ADD_FAILURE() << problem.message.text();
  schema_ = *schema;
}

void InputUnderTest::read_slice(const FileSlice& slice, ReadContext context,
                                ReadRecords& out) const {
  WantedColumns wanted;
  for (size_t i = 0; i < schema_.columns.size(); ++i) wanted.slots.push_back(i);
  wanted.slot_count = schema_.columns.size();
  wanted.needs_raw = true;
  wanted.offsets = WantedOffsets::kAll;
  const std::unique_ptr<BoundInput> input = spec_.bind(options_, schema_, wanted);
  SeenRejects rejects(out);
  context.content = &content_;
  context.rejects = &rejects;
  Result<std::unique_ptr<Reader>> reader = input->open(slice, context);
  out.status = reader.status();
  if (!out.status.is_ok()) return;
  Batch batch;
  while (true) {
    const Result<bool> more = (*reader)->next(batch);
    out.status = more.status();
    if (!out.status.is_ok() || !*more) break;
    for (size_t row = 0; row < batch.rows; ++row) {
      Cells cells;
      for (size_t i = 0; i < schema_.columns.size(); ++i) {
        cells.push_back(cell_text(batch.columns[i], row));
      }
      out.rows.push_back(std::move(cells));
      out.raw.emplace_back(batch.raw[row]);
      out.offsets.push_back(batch.offsets[row]);
    }
    if (batch.rows == 0) continue;
    out.all_canonical = out.all_canonical && batch.raw_is_canonical;
    const size_t last = batch.rows - 1;
    out.longest_batch = std::max<size_t>(
        out.longest_batch, batch.offsets[last] + batch.raw[last].size() - batch.offsets[0]);
  }
  if (out.status.is_ok()) {
    out.end = (*reader)->end();
    EXPECT_EQ(out.end.records, out.rows.size());
    EXPECT_EQ(out.end.rejected, out.rejects.size());
    EXPECT_EQ(out.end.bad_values, out.bad_values.size());
  }
}

ReadRecords InputUnderTest::read_whole(ReadLimits limits) const {
  return read_cut(limits, {});
}

ReadRecords InputUnderTest::read_cut(ReadLimits limits, const std::vector<uint64_t>& cuts) const {
  ReadRecords whole;
  uint64_t begin = 0;
  uint64_t handover = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const FileSlice slice = {.path = "test." + spec_.extensions[0],
                             .size_bytes = content_.size(),
                             .begin = begin,
                             .end = i < cuts.size() ? cuts[i] : kEndOfFile};
    ReadContext context = {.limits = limits};
    ReadRecords part;
    read_slice(slice, context, part);
    const bool confirms = spec_.needs_handover != nullptr && spec_.needs_handover(options_);
    if (confirms && i > 0 && part.end.first_record != handover) {
      part = {};
      context.first_record = handover;
      read_slice(slice, context, part);
      EXPECT_EQ(part.end.first_record, handover);
      ++whole.redone;
    }
    handover = part.end.handover;
    add(part, whole);
    if (!part.status.is_ok()) {
      whole.status = part.status;
      return whole;
    }
    begin = slice.end;
  }
  EXPECT_EQ(whole.end.plain_bytes, content_.size());
  return whole;
}

ReadRecords InputUnderTest::read_slices(ReadLimits limits, uint64_t slice_bytes) const {
  std::vector<uint64_t> cuts;
  for (uint64_t at = slice_bytes; at < content_.size(); at += slice_bytes) cuts.push_back(at);
  return read_cut(limits, cuts);
}

}  // namespace shardmill
