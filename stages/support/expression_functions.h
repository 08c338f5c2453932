// The functions of expressions: one table that the parser, the docs and the tests read.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/arena.h"
#include "pipeline/core/column.h"
#include "stages/support/expression_math.h"
#include "stages/support/expression_time.h"
#include "stages/support/expression_vector.h"
#include "stages/support/literal_search.h"
#include "stages/support/regex.h"

namespace shardmill {

/// What one call made of its constant arguments at plan time. Immutable.
struct CallConstants {
  std::shared_ptr<const Pattern> pattern;
  std::optional<LiteralSearch> literal;
  std::optional<TimeFormat> time_format;
  int64_t whole_width = 0;
  double width = 0;
  DecimalMultiples multiples;
};

/// Events of an expression, counted for records whose value depends on them.
struct ExpressionCounts {
  uint64_t int_overflow = 0;
  uint64_t bad_time = 0;
  uint64_t bad_number = 0;
};

/// One block of one call.
struct CallFrame {
  size_t rows = 0;
  /// 1 where no value is needed (an argument is null, or the result will not be looked at): such
  /// rows get any valid value and are not counted. nullptr: all rows are needed.
  const uint8_t* skip = nullptr;
  std::span<const Vector> arguments;  ///< none is constant; those that were prepared are left out
  const CallConstants* constants = nullptr;
  PatternMatch* match = nullptr;  ///< for constants->pattern
  BufferPool* pool = nullptr;
  Arena* arena = nullptr;  ///< for new text
  ExpressionCounts* counts = nullptr;
  uint8_t* limited = nullptr;  ///< set to 1 where matching met its limit: the record is rejected

  bool skips(size_t row) const { return skip != nullptr && skip[row] != 0; }
};

/// One list of argument types that a function takes.
struct FunctionOverload {
  std::vector<Type> arguments;
  Type result = Type::kBool;
  Value (*evaluate)(CallFrame& frame) = nullptr;
  /// Makes CallConstants from the arguments behind the first, where they are constant (and not
  /// null). Returns what is wrong with them, or nothing.
  std::string (*prepare)(std::span<const Vector> constants, CallConstants& prepared) = nullptr;
  bool needs_constants = false;  ///< the arguments behind the first must be constant
};

enum class FunctionForm : uint8_t {
  kStrict,    ///< null if an argument is null
  kIf,        ///< evaluates only what it needs
  kCoalesce,  ///< the same
};

struct FunctionSpec {
  std::string_view name;
  std::string_view signature;  ///< "substr(text, start[, count])"
  std::string_view result;     ///< its type in words
  std::string_view doc;        ///< one or two sentences
  std::string_view example;    ///< an expression without columns
  std::string_view expected;   ///< an expression of the same value
  size_t arguments_min = 0;
  size_t arguments_max = 0;
  FunctionForm form = FunctionForm::kStrict;
  std::vector<FunctionOverload> overloads = {};  ///< kStrict: the first that fits is taken
};

inline constexpr size_t kAnyCount = std::numeric_limits<size_t>::max();

/// In the order of the docs. Immutable; any thread.
const std::vector<FunctionSpec>& all_functions();
/// nullptr if there is none.
const FunctionSpec* find_function(std::string_view name);
std::vector<std::string> function_names();

}  // namespace shardmill
