#include "stages/support/json_column.h"

#include "pipeline/base/check.h"

namespace shardmill {

bool read_json_value(const JsonValue& value, Column& column, size_t row, Arena& arena) {
  switch (column.type) {
    case Type::kText:
      column.text[row] = json_to_text(value, arena);
      return true;
    case Type::kInt:
      return json_to_int(value, column.ints[row]);
    case Type::kFloat:
      return json_to_float(value, column.floats[row]);
    case Type::kTime:
      return json_to_time(value, column.ints[row]);
    case Type::kBool: {
      bool truth = false;
      const bool is_good = json_to_bool(value, truth);
      column.bools[row] = truth ? 1 : 0;
      return is_good;
    }
  }
  SHARDMILL_CHECK(false);
}

}  // namespace shardmill
