#include "stages/support/expression_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/expression_functions.h"
#include "stages/support/expression_operators.h"

namespace shardmill {

namespace {

enum class TokenKind : uint8_t { kEnd, kInt, kFloat, kText, kName, kQuotedName, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t at = 0;
  std::string_view spelling;
  std::string text;  ///< kText and names, without quotes

  /// A symbol or a keyword.
  bool is(std::string_view word) const {
    return (kind == TokenKind::kSymbol || kind == TokenKind::kName) && spelling == word;
  }
};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c) || c == '.';
}

constexpr std::string_view kKeywords[] = {"and", "or", "not", "in", "is", "null", "true", "false"};

bool is_keyword(std::string_view word) {
  return std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords);
}

/// Cuts the text into tokens, one at a time.
class Lexer {
 public:
  explicit Lexer(const ExpressionPlace& place) : place_(place), text_(place.text) {}

  /// False after reporting a problem.
  bool next(Token& token) {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    token = {.kind = TokenKind::kEnd, .at = at_, .spelling = {}, .text = {}};
    if (at_ == text_.size()) return true;
    const char c = text_[at_];
    if (c == '\'' || c == '`') return quoted_token(token, c);
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      return number(token);
    }
    if (is_name_start(c)) {
      const size_t begin = at_;
      while (at_ < text_.size() && is_name_part(text_[at_])) ++at_;
      token.kind = TokenKind::kName;
      token.spelling = text_.substr(begin, at_ - begin);
      token.text = token.spelling;
      return true;
    }
    return symbol(token);
  }

 private:
  bool quoted_token(Token& token, char quote) {
    const size_t begin = at_++;
    for (;; ++at_) {
      if (at_ == text_.size()) {
        place_.problem(begin,
                       fmt::format("{} is never closed", quote == '\'' ? "a text" : "a name"),
                       quote == '\'' ? "a closing '" : "a closing `",
                       fmt::format("write {0}{0} for one {0} inside", quote));
        return false;
      }
      if (text_[at_] != quote) {
        token.text += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        token.text += quote;
        ++at_;
      } else {
        break;
      }
    }
    ++at_;
    token.kind = quote == '\'' ? TokenKind::kText : TokenKind::kQuotedName;
    token.spelling = text_.substr(begin, at_ - begin);
    return true;
  }

  bool number(Token& token) {
    const size_t begin = at_;
    bool is_float = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool sign =
          (c == '+' || c == '-') && at_ > begin && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
      if (c == '.' || c == 'e' || c == 'E' || sign) {
        is_float = true;
      } else if (!is_name_part(c)) {
        break;
      }
      ++at_;
    }
    token.kind = is_float ? TokenKind::kFloat : TokenKind::kInt;
    token.spelling = text_.substr(begin, at_ - begin);
    return true;
  }

  bool symbol(Token& token) {
    static constexpr std::string_view kLong[] = {"==", "!=", "<=", ">=", "<>", "&&", "||"};
    static constexpr std::string_view kShort = "<>+-*/%()[],=!&|";
    token.kind = TokenKind::kSymbol;
    token.spelling = text_.substr(at_, 2);
    if (std::find(std::begin(kLong), std::end(kLong), token.spelling) == std::end(kLong)) {
      token.spelling = text_.substr(at_, 1);
      if (kShort.find(token.spelling[0]) == std::string_view::npos) {
        const bool is_quote = token.spelling[0] == '"';
        place_.problem(at_, quoted(token.spelling), "a value or an operator",
                       is_quote ? "write text in single quotes, 'like this'" : "");
        return false;
      }
    }
    at_ += token.spelling.size();
    return true;
  }

  const ExpressionPlace& place_;
  std::string_view text_;
  size_t at_ = 0;
};

/// Operators of other languages, and ours.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {
    {"=", "=="},
    {"<>", "!="},
    {"&&", "and"},
    {"||", "or"},
    {"&", "and"},
    {"|", "or"},
    {"!", "not"},
    {"between", "x >= 1 and x <= 2"},
    {"like", "contains(...), starts_with(...) or matches(...)"}};

using NodeIndex = std::optional<uint32_t>;  ///< nothing: a problem was reported

/// Precedence climbing; one token ahead.
class Parser {
 public:
  Parser(const ExpressionPlace& place, Syntax& syntax)
      : place_(place), syntax_(syntax), lexer_(place) {}

  bool parse() {
    if (!advance()) return false;
    const NodeIndex root = expression(kOrLevel);
    if (!root) return false;
    if (token_.kind != TokenKind::kEnd) {
      unexpected("an operator or the end");
      return false;
    }
    syntax_.root = *root;
    return !failed_;
  }

 private:
  bool advance() { return lexer_.next(token_); }

  /// For what other languages write.
  std::string foreign_fix() const {
    const std::string word = ascii_lower(token_.spelling);
    for (const auto& [foreign, ours] : kForeign) {
      if (word == foreign && token_.kind != TokenKind::kText) return fmt::format("write {}", ours);
    }
    if (token_.kind != TokenKind::kName) return {};
    if (is_keyword(word)) return token_.spelling == word ? "" : fmt::format("write {}", word);
    return "put names with blanks or signs in `backquotes`";
  }

  void unexpected(std::string expected) {
    place_.problem(token_.at, token_.kind == TokenKind::kEnd ? "the end" : quoted(token_.spelling),
                   std::move(expected), foreign_fix());
  }

  NodeIndex add(SyntaxNode node) {
    for (const uint32_t child : node.children) {
      node.depth = std::max(node.depth, syntax_.nodes[child].depth + 1);
    }
    if (node.depth > kExpressionDepthMax) return too_deep(node.at);
    syntax_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(syntax_.nodes.size() - 1);
  }

  NodeIndex too_deep(size_t at) {
    place_.problem(at, fmt::format("more than {} levels", kExpressionDepthMax),
                   "an expression that nests less deeply",
                   "compute a part of it in a stage before");
    return std::nullopt;
  }

  NodeIndex expression(int level) {
    if (++nesting_ > kExpressionDepthMax) return too_deep(token_.at);
    NodeIndex left = prefix(level);
    while (left && continues(level)) left = binary(*left);
    --nesting_;
    return left;
  }

  const OperatorSpec* binary_operator() const {
    for (const OperatorSpec& op : kOperators) {
      if (op.form == OperatorForm::kBinary && token_.is(op.name)) return &op;
    }
    return nullptr;
  }

  bool continues(int level) const {
    if (token_.is("in") || token_.is("not") || token_.is("is")) return level <= kCompareLevel;
    const OperatorSpec* op = binary_operator();
    return op != nullptr && op->level >= level;
  }

  NodeIndex binary(uint32_t left) {
    const size_t at = token_.at;
    if (token_.is("is")) return null_test(left, at);
    if (token_.is("in") || token_.is("not")) return membership(left, at);
    const OperatorSpec& op = *binary_operator();
    if (!advance()) return std::nullopt;
    const NodeIndex right = expression(op.level + 1);
    if (!right) return std::nullopt;
    if (op.level == kCompareLevel && is_comparison(syntax_.nodes[left].kind) && !is_closed(left)) {
      place_.problem(at, "a chain of comparisons", "one comparison", "write a < b and b < c");
      return std::nullopt;
    }
    SyntaxNode& first = syntax_.nodes[left];
    if (op.level <= kAndLevel && first.kind == op.kind) {
      first.children.push_back(*right);
      first.depth = std::max(first.depth, syntax_.nodes[*right].depth + 1);
      if (first.depth > kExpressionDepthMax) return too_deep(at);
      return move_to_end(left);
    }
    return add({.kind = op.kind, .at = at, .children = {left, *right}});
  }

  /// Keeps children before parents after a child was added to an old node.
  NodeIndex move_to_end(uint32_t node) {
    syntax_.nodes.push_back(std::move(syntax_.nodes[node]));
    syntax_.nodes[node] = {};
    return static_cast<uint32_t>(syntax_.nodes.size() - 1);
  }

  bool is_closed(uint32_t node) const { return node < closed_.size() && closed_[node]; }

  static bool is_comparison(SyntaxKind kind) {
    return kind >= SyntaxKind::kEqual && kind <= SyntaxKind::kGreaterEqual;
  }

  NodeIndex null_test(uint32_t left, size_t at) {
    if (!advance()) return std::nullopt;
    const bool negated = token_.is("not");
    if (negated && !advance()) return std::nullopt;
    if (!token_.is("null")) {
      unexpected("null");
      return std::nullopt;
    }
    if (!advance()) return std::nullopt;
    return add({.kind = negated ? SyntaxKind::kIsNotNull : SyntaxKind::kIsNull,
                .at = at,
                .children = {left}});
  }

  NodeIndex membership(uint32_t left, size_t at) {
    const bool negated = token_.is("not");
    if (negated && !advance()) return std::nullopt;
    if (!token_.is("in")) {
      unexpected("in");
      return std::nullopt;
    }
    if (!advance()) return std::nullopt;
    if (token_.is("(")) {
      place_.problem(token_.at, "\"(\"", "\"[\"", "write lists like [1, 2]");
      return std::nullopt;
    }
    if (!expect("[")) return std::nullopt;
    SyntaxNode node = {.kind = negated ? SyntaxKind::kNotIn : SyntaxKind::kIn, .at = at};
    node.children.push_back(left);
    while (true) {
      const NodeIndex item = constant();
      if (!item) return std::nullopt;
      node.children.push_back(*item);
      if (token_.is("]")) break;
      if (!expect(",")) return std::nullopt;
    }
    if (!advance()) return std::nullopt;
    return add(std::move(node));
  }

  NodeIndex constant() {
    const size_t at = token_.at;
    const NodeIndex item = token_.is("null") ? std::nullopt : prefix(kMultiplyLevel);
    if (item && syntax_.nodes[*item].kind <= SyntaxKind::kText) return item;
    if (item || token_.is("null")) {
      place_.problem(at, "something else in a list", "numbers, texts, true or false",
                     "compare with columns by == and or; test for null by is null");
    }
    return std::nullopt;
  }

  bool expect(std::string_view symbol) {
    if (!token_.is(symbol)) {
      unexpected(fmt::format("\"{}\"", symbol));
      return false;
    }
    return advance();
  }

  NodeIndex prefix(int level) {
    const size_t at = token_.at;
    if (token_.is("not")) {
      if (!advance()) return std::nullopt;
      // `not` binds less than a comparison: not a == b is not (a == b).
      const NodeIndex operand = expression(std::max(level, kNotLevel));
      if (!operand) return std::nullopt;
      return add({.kind = SyntaxKind::kNot, .at = at, .children = {*operand}});
    }
    if (!token_.is("-")) return primary();
    if (!advance()) return std::nullopt;
    if (token_.kind == TokenKind::kInt || token_.kind == TokenKind::kFloat) return number(at, true);
    const NodeIndex operand = expression(kSignLevel);
    if (!operand) return std::nullopt;
    return add({.kind = SyntaxKind::kNegate, .at = at, .children = {*operand}});
  }

  NodeIndex primary() {
    const size_t at = token_.at;
    switch (token_.kind) {
      case TokenKind::kInt:
      case TokenKind::kFloat:
        return number(at, false);
      case TokenKind::kText:
        return leaf({.kind = SyntaxKind::kText, .at = at, .text = token_.text});
      case TokenKind::kQuotedName:
        return leaf({.kind = SyntaxKind::kColumn, .at = at, .text = token_.text});
      case TokenKind::kName:
        return name();
      case TokenKind::kSymbol:
        if (token_.is("(")) return parenthesised();
        break;
      case TokenKind::kEnd:
        break;
    }
    unexpected("a column, a number, a 'text' or a function");
    return std::nullopt;
  }

  NodeIndex leaf(SyntaxNode node) {
    if (!advance()) return std::nullopt;
    return add(std::move(node));
  }

  NodeIndex parenthesised() {
    if (!advance()) return std::nullopt;
    const NodeIndex inner = expression(kOrLevel);
    if (!inner || !expect(")")) return std::nullopt;
    closed_.resize(syntax_.nodes.size());
    closed_[*inner] = true;
    return inner;
  }

  NodeIndex number(size_t at, bool negative) {
    const std::string digits = (negative ? "-" : "") + std::string(token_.spelling);
    SyntaxNode node = {.kind = SyntaxKind::kInt, .at = at};
    if (token_.kind == TokenKind::kInt && parse_int(digits, node.integer)) {
      return leaf(std::move(node));
    }
    node.kind = SyntaxKind::kFloat;
    const bool all_digits = token_.spelling.find_first_not_of("0123456789") == std::string::npos;
    if (!all_digits && parse_float(digits, node.number)) return leaf(std::move(node));
    place_.problem(at, fmt::format("number {}", quoted(digits)),
                   all_digits ? "at most 64 bits" : "digits, as in 12 or 1.5e3",
                   all_digits ? "write it with a decimal point to take it as a float" : "");
    return std::nullopt;
  }

  NodeIndex name() {
    const Token name = token_;
    if (name.is("null")) return leaf({.kind = SyntaxKind::kNull, .at = name.at});
    if (name.is("true") || name.is("false")) {
      return leaf({.kind = SyntaxKind::kBool, .at = name.at, .truth = name.is("true")});
    }
    if (is_keyword(name.spelling)) {
      unexpected("a column, a number, a 'text' or a function");
      return std::nullopt;
    }
    if (!advance()) return std::nullopt;
    if (token_.is("(")) return call(name);
    return add({.kind = SyntaxKind::kColumn, .at = name.at, .text = name.text});
  }

  NodeIndex call(const Token& name) {
    SyntaxNode node = {.kind = SyntaxKind::kCall,
                       .at = name.at,
                       .text = name.text,
                       .function = find_function(name.text)};
    if (!advance()) return std::nullopt;
    if (token_.is(")")) {
      if (!advance()) return std::nullopt;
    } else {
      while (true) {
        const NodeIndex argument = expression(kOrLevel);
        if (!argument) return std::nullopt;
        node.children.push_back(*argument);
        if (token_.is(",")) {
          if (!advance()) return std::nullopt;
          continue;
        }
        if (!expect(")")) return std::nullopt;
        break;
      }
    }
    check_call(node);
    return add(std::move(node));
  }

  void check_call(const SyntaxNode& node) {
    if (node.function == nullptr) {
      failed_ = true;
      const auto near = near_match(node.text, function_names());
      place_.problem(node.at, fmt::format("there is no function {}", quoted(node.text)),
                     "one of " + listed(function_names(), 40),
                     near ? fmt::format("did you mean {}?", quoted(*near)) : "");
      return;
    }
    const size_t given = node.children.size();
    const FunctionSpec& function = *node.function;
    if (given >= function.arguments_min && given <= function.arguments_max) return;
    failed_ = true;
    place_.problem(node.at, fmt::format("{} with {}", node.text, counted(given, "argument")),
                   std::string(function.signature),
                   fmt::format("for example {}", function.example));
  }

  const ExpressionPlace& place_;
  Syntax& syntax_;
  Lexer lexer_;
  Token token_;
  std::vector<bool> closed_;  ///< by node: stands in parentheses
  size_t nesting_ = 0;
  bool failed_ = false;
};

}  // namespace

void ExpressionPlace::problem(size_t at, std::string found, std::string expected,
                              std::string fix) const {
  const size_t character = code_points(text.substr(0, std::min(at, text.size()))) + 1;
  problems->add(line, {.place = {},
                       .found = fmt::format("{} (character {}): {}", field,
                                            with_separators(character), found),
                       .expected = std::move(expected),
                       .fix = std::move(fix)});
}

bool parse_expression(const ExpressionPlace& place, Syntax& syntax) {
  return Parser(place, syntax).parse();
}

}  // namespace shardmill
