#include "inputs/support/csv_columns.h"

#include <algorithm>
#include <array>
#include <utility>

#include "inputs/support/csv_record.h"
#include "pipeline/formats/number_fields.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

/// The fields of one column of a chunk. What does not change from row to row is known when the
/// loops are compiled.
template <bool kRegular, bool kMayEndWithCr>
class Fields {
 public:
  Fields(const CsvChunk& chunk, size_t field)
      : text_(chunk.text.data()),
        separators_(chunk.separators + field),
        starts_(chunk.starts),
        fields_(chunk.fields) {}

  std::string_view operator[](size_t row) const {
    const FieldSpan field = span(row);
    return {text_ + field.begin, field.end - field.begin};
  }

  FieldSpan span(size_t row) const {
    const uint32_t* at = separators_ + (kRegular ? row * fields_ : starts_[row]);
    const uint32_t begin = at[0] + 1u;
    uint32_t end = at[1];
    // In front of an empty last field stands a delimiter, and a row of one empty field is no row.
    if constexpr (kMayEndWithCr) end -= text_[end - 1] == '\r' ? 1 : 0;
    return {.begin = begin, .end = end};
  }

  const char* text() const { return text_; }

 private:
  const char* text_;
  const uint32_t* separators_;
  const uint32_t* starts_;
  size_t fields_;
};

/// Calls `visit` with the Fields that suit.
template <typename Visit>
void with_fields(const CsvChunk& chunk, size_t field, Visit&& visit) {
  const bool cr = chunk.has_cr && field + 1 == chunk.fields;
  if (chunk.starts == nullptr) {
    cr ? visit(Fields<true, true>(chunk, field)) : visit(Fields<true, false>(chunk, field));
  } else {
    cr ? visit(Fields<false, true>(chunk, field)) : visit(Fields<false, false>(chunk, field));
  }
}

/// Fills one column.
class Filler {
 public:
  Filler(const CsvChunk& chunk, const CsvColumn& wanted, const CsvFormat& format,
         RejectCounter& rejects, Batch& batch)
      : chunk_(chunk),
        wanted_(wanted),
        format_(format),
        rejects_(rejects),
        batch_(batch),
        column_(batch.columns[wanted.slot]),
        quote_(format.quote) {}

  void fill_null() {
    std::fill_n(column_.null.begin(), chunk_.rows, uint8_t{1});
    column_.has_nulls = chunk_.rows > 0;
  }

  template <typename AllFields>
  void fill_text(const AllFields& fields) {
    if (chunk_.has_quotes && format_.has_quote) {
      fill_text<true>(fields);
    } else {
      fill_text<false>(fields);
    }
    if (!format_.null_values.empty()) apply_null_values();
  }

  /// `parse_block` as in number_fields.h, and `parse` as in numbers.h.
  template <typename Value, typename AllFields, typename ParseBlock, typename Parse>
  void fill_numbers(const AllFields& fields, std::vector<Value>& values, ParseBlock&& parse_block,
                    Parse&& parse) {
    if (some_null_value_is<Value>(parse)) return fill_parsed<Value>(fields, values, parse);
    std::array<FieldSpan, kNumberFields> spans;
    bool any_null = false;
    for (size_t first = 0; first < chunk_.rows; first += kNumberFields) {
      const size_t count = std::min(kNumberFields, chunk_.rows - first);
      for (size_t i = 0; i < count; ++i) spans[i] = fields.span(first + i);
      uint8_t* const null = column_.null.data() + first;
      const uint8_t kinds =
          parse_block(fields.text(), spans.data(), count, values.data() + first, null);
      static_assert(kEmptyField == 1);  // as Column::null has it
      any_null |= (kinds & kEmptyField) != 0;
      if ((kinds & kOddField) == 0) continue;
      for (size_t row = first; row < first + count; ++row) {
        if (column_.null[row] != kOddField) continue;
        const bool good = parse_odd(fields[row], row, values[row], parse);
        column_.null[row] = good ? 0 : 1;
        any_null |= !good;
      }
    }
    column_.has_nulls = any_null;
  }

  /// `parse(text, value)` as in numbers.h; `values` takes what it gives.
  template <typename Value, typename AllFields, typename Values, typename Parse>
  void fill_parsed(const AllFields& all_fields, Values& all_values, Parse&& parse) {
    const bool has_null_values = some_null_value_is<Value>(parse);
    const AllFields fields = all_fields;
    auto* const values = all_values.data();
    uint8_t* const null = column_.null.data();
    const size_t rows = chunk_.rows;
    bool any_null = false;
    for (size_t row = 0; row < rows; ++row) {
      Value value{};
      const std::string_view field = fields[row];
      bool good = !has_null_values && parse(field, value);
      if (!good) [[unlikely]] {
        good = parse_odd(field, row, value, parse);
      }
      values[row] = value;
      null[row] = good ? 0 : 1;
      any_null |= !good;
    }
    column_.has_nulls = any_null;
  }

 private:
  // What the loop needs is copied first: it stores bytes, which might be any object.
  template <bool kQuotes, typename AllFields>
  void fill_text(const AllFields& all_fields) {
    const AllFields fields = all_fields;
    std::string_view* const text = column_.text.data();
    uint8_t* const null = column_.null.data();
    const size_t rows = chunk_.rows;
    const char quote = quote_;
    bool any_null = false;
    for (size_t row = 0; row < rows; ++row) {
      std::string_view field = fields[row];
      const bool is_null = field.empty();
      if constexpr (kQuotes) {
        // One branch: whether a field is empty is often hard to guess. Behind an empty one stands
        // something, if only padding.
        const bool is_quoted = !is_null & (*field.data() == quote);
        if (is_quoted) field = unquoted(field, quote, batch_.arena);
      }
      text[row] = field;
      any_null |= is_null;
      if constexpr (kQuotes) null[row] = is_null ? 1 : 0;  // a quoted one may be empty, too
    }
    column_.has_nulls = any_null;
    if (kQuotes || (!any_null && format_.null_values.empty())) return;
    for (size_t row = 0; row < rows; ++row) null[row] = text[row].empty() ? 1 : 0;
  }

  /// Whether a field that parses may stand for null all the same.
  template <typename Value, typename Parse>
  bool some_null_value_is(Parse&& parse) const {
    return std::any_of(format_.null_values.begin(), format_.null_values.end(),
                       [&](const std::string& text) {
                         Value value{};
                         return parse(text, value);
                       });
  }

  void apply_null_values() {
    for (size_t row = 0; row < chunk_.rows; ++row) {
      if (column_.null[row] != 0 || !format_.is_null(column_.text[row])) continue;
      column_.null[row] = 1;
      column_.has_nulls = true;
    }
  }

  /// A field that may be more than its own text: quoted, null or bad.
  template <typename Value, typename Parse>
  bool parse_odd(std::string_view field, size_t row, Value& value, Parse&& parse) {
    value = Value{};
    if (field.empty()) return false;
    if (format_.has_quote && field[0] == quote_) field = unquoted(field, quote_, batch_.arena);
    if (field.empty() || format_.is_null(field)) return false;
    if (parse(field, value)) return true;
    value = Value{};
    rejects_.bad_value(chunk_.offset + chunk_.row_begin(row), wanted_.name, field);
    return false;
  }

  const CsvChunk& chunk_;
  const CsvColumn& wanted_;
  const CsvFormat& format_;
  RejectCounter& rejects_;
  Batch& batch_;
  Column& column_;
  const char quote_;
};

}  // namespace

void fill_csv_column(const CsvChunk& chunk, const CsvColumn& wanted, const CsvFormat& format,
                     RejectCounter& rejects, Batch& batch) {
  Column& column = batch.columns[wanted.slot];
  column.prepare(wanted.type, chunk.rows);
  Filler filler(chunk, wanted, format, rejects, batch);
  if (!wanted.field) return filler.fill_null();
  with_fields(chunk, *wanted.field, [&](const auto& fields) {
    switch (wanted.type) {
      case Type::kText:
        return filler.fill_text(fields);
      case Type::kInt:
        return filler.fill_numbers(fields, column.ints, parse_int_fields, parse_int);
      case Type::kFloat:
        return filler.fill_numbers(fields, column.floats, parse_float_fields, parse_float);
      case Type::kBool:
        return filler.fill_parsed<bool>(fields, column.bools, parse_bool);
      case Type::kTime:
        return filler.fill_parsed<int64_t>(fields, column.ints, parse_time);
    }
  });
}

std::string_view raw_csv_field(const CsvChunk& chunk, size_t row, size_t field) {
  std::string_view found;
  with_fields(chunk, field, [&](const auto& fields) { found = fields[row]; });
  return found;
}

}  // namespace shardmill
