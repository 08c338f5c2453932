// Values of JSON records on their way into the columns of a batch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "pipeline/core/batch.h"
#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// A wanted column and where its values go.
struct JsonColumn {
  std::string name;
  Type type = Type::kText;
  size_t slot = 0;
};

/// Fills the rows of a batch. What becomes of a value:
///
///   column  takes
///   text    strings, unescaped; of all else the source bytes (numbers keep their digits, arrays
///           and objects are JSON text with the whitespace of the source)
///   int     numbers without fraction and exponent, within 64 bits
///   float   numbers, rounded to nearest; the strings "NaN", "Infinity" and "-Infinity"
///   bool    true and false
///   time    strings in ISO 8601
///
/// null and a missing member are null. So is any other value, which is reported as a bad value.
/// One worker.
class JsonColumns {
 public:
  /// `columns` must outlive this.
  explicit JsonColumns(const std::vector<JsonColumn>& columns);

  size_t size() const { return columns_.size(); }
  /// Makes room for `rows` records. The batch must outlive the rows.
  void begin_batch(Batch& batch, size_t rows);

  /// The values that follow are of this row.
  void begin_record(size_t row) {
    row_ = row;
    ++record_;
    set_count_ = 0;
  }
  /// False, changing nothing, if the column has a value in this record already. `value` must live
  /// as long as the batch. Its `text` is sound JSON.
  bool set(size_t column, const JsonValue& value) {
    if (set_in_[column] == record_) return false;
    set_in_[column] = record_;
    ++set_count_;
    std::string_view* const texts = texts_[column];
    if (texts != nullptr && value.kind != JsonKind::kNull && !value.escaped) {
      texts[row_] = std::string_view(value.text.data(), value.text.size());
    } else {
      set_slowly(column, value);
    }
    return true;
  }
  /// Columns without a value are null, bad values are reported.
  void end_record(uint64_t offset, RejectCounter& rejects);
  /// Forgets what was set since begin_record, and begins it anew.
  void undo_record();

  /// Sets a value of any row, apart from the record that was begun. False, with any value, if it is
  /// a bad value, which is not reported.
  bool put(size_t column, size_t row, const JsonValue& value);
  /// Where its values go, of the batch that was begun.
  Column& target(size_t column) { return batch_->columns[columns_[column].slot]; }
  /// By row, of a text column; nullptr if it is none.
  std::string_view* texts(size_t column) { return texts_[column]; }
  void put_null(size_t column, size_t row);
  /// Takes out a row without nulls. The rows behind it, up to `end`, move up.
  void remove_row(size_t row, size_t end);

 private:
  struct BadValue {
    size_t column;
    std::string_view source;
  };

  void set_slowly(size_t column, const JsonValue& value);
  bool store(Column& column, size_t row, const JsonValue& value);

  const std::vector<JsonColumn>& columns_;
  Batch* batch_ = nullptr;
  size_t row_ = 0;
  uint64_t record_ = 0;                   ///< tells records apart, also undone ones
  std::vector<uint64_t> set_in_;          ///< by column: the record that set it last
  size_t set_count_ = 0;                  ///< in this record
  std::vector<std::string_view*> texts_;  ///< by column: its values if it is text, else nullptr
  std::vector<BadValue> bad_values_;      ///< of this record
};

}  // namespace shardmill
