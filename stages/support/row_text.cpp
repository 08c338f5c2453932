#include "stages/support/row_text.h"

#include <utility>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/csv_text.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

CsvDialect dialect_of(RowFormat format) {
  return {.delimiter = format == RowFormat::kTsv ? '\t' : ',', .quote = '"'};
}

// Values that are written alike in all formats but for quotes around a time.
void append_plain(const Column& column, size_t row, std::string& out) {
  switch (column.type) {
    case Type::kText:
      out += column.text[row];
      break;
    case Type::kInt:
      append_int(out, column.ints[row]);
      break;
    case Type::kFloat:
      append_float(out, column.floats[row]);
      break;
    case Type::kBool:
      out += column.bools[row] != 0 ? "true" : "false";
      break;
    case Type::kTime:
      append_time(out, column.ints[row]);
      break;
  }
}

void append_json_value(const Column& column, size_t row, std::string& out) {
  if (column.is_null(row)) {
    out += "null";
  } else if (column.type == Type::kText) {
    append_json_text(out, column.text[row]);
  } else if (column.type == Type::kFloat) {
    append_json_float(out, column.floats[row]);
  } else if (column.type == Type::kTime) {
    out += '"';
    append_time(out, column.ints[row]);
    out += '"';
  } else {
    append_plain(column, row, out);
  }
}

}  // namespace

std::string_view row_format_name(RowFormat format) {
  switch (format) {
    case RowFormat::kTxt:
      return "txt";
    case RowFormat::kCsv:
      return "csv";
    case RowFormat::kTsv:
      return "tsv";
    case RowFormat::kJsonl:
      return "jsonl";
  }
  return "";
}

RowText::RowText(RowFormat format, std::vector<RowColumn> columns)
    : format_(format), columns_(std::move(columns)) {
  SHARDMILL_CHECK(format_ != RowFormat::kTxt || columns_.size() == 1);
  const CsvDialect dialect = dialect_of(format_);
  const bool has_header = format_ == RowFormat::kCsv || format_ == RowFormat::kTsv;
  for (const RowColumn& column : columns_) {
    const bool first = before_.empty();
    std::string& before = before_.emplace_back();
    if (format_ == RowFormat::kJsonl) {
      before = first ? "{" : ",";
      append_json_key(before, column.name);
      before += ':';
    } else if (!first) {
      before = dialect.delimiter;
    }
    if (!has_header) continue;
    header_ += before;
    append_csv_text(header_, column.name, dialect);
  }
  if (has_header) header_ += '\n';
}

void RowText::append_row(const Batch& batch, size_t row, std::string& out) const {
  switch (format_) {
    case RowFormat::kJsonl:
      append_json(batch, row, out);
      break;
    case RowFormat::kCsv:
    case RowFormat::kTsv:
      append_fields(batch, row, out);
      break;
    case RowFormat::kTxt: {
      const Column& column = batch.columns[columns_[0].ref.slot];
      if (!column.is_null(row)) append_plain(column, row, out);
      break;
    }
  }
  out += '\n';
}

void RowText::append_json(const Batch& batch, size_t row, std::string& out) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    out += before_[i];
    append_json_value(batch.columns[columns_[i].ref.slot], row, out);
  }
  out += columns_.empty() ? "{}" : "}";
}

void RowText::append_fields(const Batch& batch, size_t row, std::string& out) const {
  const CsvDialect dialect = dialect_of(format_);
  for (size_t i = 0; i < columns_.size(); ++i) {
    out += before_[i];
    const Column& column = batch.columns[columns_[i].ref.slot];
    if (column.is_null(row)) {
      if (columns_.size() == 1) append_csv_text(out, "", dialect);
    } else if (column.type == Type::kText) {
      append_csv_text(out, column.text[row], dialect);
    } else {
      append_plain(column, row, out);
    }
  }
}

}  // namespace shardmill
