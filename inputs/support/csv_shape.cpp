#include "inputs/support/csv_shape.h"

#include <map>
#include <set>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

void skip_byte_order_mark(TextWindow& window) {
  window.fill(kByteOrderMark.size());
  if (window.text().starts_with(kByteOrderMark)) window.consume(kByteOrderMark.size());
}

// A blank line is "\n" or "\r\n" alone, or a lone CR at the end of the data.
void skip_blank_lines(TextWindow& window) {
  while (window.fill(1)) {
    const bool cr = window.text()[0] == '\r';
    if (cr && window.text().size() == 1) window.fill(2);
    const std::string_view text = window.text();
    const size_t newline = cr ? 1 : 0;
    if (newline < text.size() && text[newline] != '\n') return;
    if (newline == text.size() && !window.error().is_ok()) return;
    window.consume(newline < text.size() ? newline + 1 : newline);
  }
}

std::string column_name(size_t index) {
  return "column_" + std::to_string(index + 1);
}

std::vector<std::string> numbered_names(size_t fields) {
  std::vector<std::string> names;
  for (size_t i = 0; i < fields; ++i) names.push_back(column_name(i));
  return names;
}

std::vector<std::string> distinct_names(std::vector<std::string> names) {
  std::set<std::string> taken;
  std::map<std::string, size_t> copies;  // of names that came more than once
  for (size_t i = 0; i < names.size(); ++i) {
    std::string& name = names[i];
    if (name.empty()) name = column_name(i);
    if (taken.insert(name).second) continue;
    const std::string first = name;
    size_t& copy = copies.try_emplace(first, 1).first->second;
    do {
      name = first + "_" + std::to_string(++copy);
    } while (!taken.insert(name).second);
  }
  return names;
}

Status too_many_fields(size_t fields) {
  return Status::bad_file(Message{.found = "a first record of " + counted(fields, "field"),
                                  .expected = "at most " + with_separators(kCsvFieldsMax),
                                  .fix = "check `delimiter` in [input], or read the file as lines"}
                              .text());
}

Status bad_header(const CsvRecordEnd& header, size_t record_bytes_max) {
  const bool open = header.kind == CsvRecordEnd::Kind::kNeverClosed || header.in_quotes;
  return Status::bad_file(
      Message{.found = open ? "a header with a quote that is never closed"
                            : "a header of more than " + counted(record_bytes_max, "byte"),
              .expected = "the names of the columns in the first record",
              .fix = open ? "mend the file, or turn quotes off with `quote = \"\"`"
                          : "raise `record_bytes_max` in [input] if it is one"}
          .text());
}

}  // namespace

Result<CsvShape> read_csv_shape(TextWindow& window, const CsvFormat& format, CsvBytes bytes,
                                size_t record_bytes_max, CsvMarks& marks) {
  skip_byte_order_mark(window);
  skip_blank_lines(window);
  CsvShape shape = {.data_begin = window.offset()};
  if (!format.header && !format.columns.empty()) {
    shape.names = format.columns;
    return shape;
  }
  if (!window.fill(1)) {
    RETURN_IF_ERROR(window.error());
    return shape;
  }
  const CsvRecordEnd first = find_record_end(window, bytes, record_bytes_max, marks);
  if (first.kind == CsvRecordEnd::Kind::kError) return window.error();
  const bool ends = first.kind == CsvRecordEnd::Kind::kEnds;
  if (ends && first.fields > kCsvFieldsMax) return too_many_fields(first.fields);
  if (!format.header) {
    shape.names = numbered_names(ends ? first.fields : 1);
    return shape;
  }
  if (!ends) return bad_header(first, record_bytes_max);
  shape.names = distinct_names(split_record(window.text().substr(0, first.bytes), bytes));
  window.consume(first.bytes + (first.has_newline ? 1 : 0));
  shape.data_begin = window.offset();
  return shape;
}

}  // namespace shardmill
