// The expression language as its parser declares it, for help and documentation. Defined beside the
// parser, in stages/support.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// Something that can be written in an expression.
struct LanguageEntry {
  std::string_view name;      ///< "substr", "==", "int"
  std::string_view syntax;    ///< how it is written: "substr(text, start[, count])", "a == b"
  std::string_view takes;     ///< operators: what its operands are
  std::string_view gives;     ///< the type of the result in words
  std::string_view doc;       ///< one to three sentences
  std::string_view example;   ///< an expression without columns
  std::string_view expected;  ///< an expression of the same value; tests compute both
};

struct ExpressionLanguage {
  std::vector<LanguageEntry> types;
  std::vector<LanguageEntry> operators;  ///< from what binds least to what binds most
  std::vector<LanguageEntry> functions;
};

/// Immutable after first use; any thread.
const ExpressionLanguage& expression_language();

}  // namespace shardmill
