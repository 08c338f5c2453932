#include "pipeline/report/run_diff_cells.h"

#include <fmt/format.h>

#include "pipeline/base/message.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/text_table.h"

namespace shardmill {

namespace {

constexpr size_t kTextWidth = 60;

/// Seven digits tell most floats apart; those that they do not are written with all of theirs.
std::pair<std::string, std::string> float_texts(double before, double after) {
  std::pair<std::string, std::string> texts = {fmt::format("{:.7g}", before),
                                               fmt::format("{:.7g}", after)};
  if (texts.first != texts.second) return texts;
  texts = {};
  append_float(texts.first, before);
  append_float(texts.second, after);
  return texts;
}

}  // namespace

std::string diff_value_text(const TableColumn& column, size_t row) {
  if (column.null[row] != 0) return "null";
  switch (column.type) {
    case Type::kText:
      return column.text[row].empty() ? "\"\"" : cut_end(printable(column.text[row]), kTextWidth);
    case Type::kInt:
      return readable_int(column.ints[row]);
    case Type::kFloat:
      return fmt::format("{:.7g}", column.floats[row]);
    case Type::kBool:
    case Type::kTime:
      break;
  }
  std::string text;
  append_json_value(text, column, row);
  std::erase(text, '"');
  return text;
}

std::pair<std::string, std::string> diff_value_texts(const TableColumn& before, size_t row,
                                                     const TableColumn& after, size_t other) {
  const bool has_null = before.null[row] != 0 || after.null[other] != 0;
  if (!has_null && before.type == Type::kFloat) {
    return float_texts(before.floats[row], after.floats[other]);
  }
  std::pair<std::string, std::string> texts = {diff_value_text(before, row),
                                               diff_value_text(after, other)};
  if (texts.first == texts.second) {  // long texts that begin with the same
    texts = {quoted(before.text[row], 4096), quoted(after.text[other], 4096)};
  }
  return texts;
}

std::string difference_text(Int128 before, Int128 after) {
  Int128 difference = 0;
  if (__builtin_sub_overflow(after, before, &difference)) return {};
  return (difference > 0 ? "+" : "") + readable_int(difference);
}

}  // namespace shardmill
