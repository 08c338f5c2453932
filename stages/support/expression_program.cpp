#include "stages/support/expression_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/expression_evaluate.h"
#include "stages/support/expression_math.h"

namespace shardmill {

namespace {

/// Further problems of one expression are not shown.
constexpr size_t kProblemsMax = 20;

using NodeIndex = std::optional<uint32_t>;  ///< nothing: a problem was reported

bool is_numeric(Type type) {
  return type == Type::kInt || type == Type::kFloat;
}

Comparison mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessEqual:
      return Comparison::kGreaterEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterEqual:
      return Comparison::kLessEqual;
    default:
      return comparison;
  }
}

Comparison comparison_of(SyntaxKind kind) {
  const auto index = static_cast<size_t>(kind) - static_cast<size_t>(SyntaxKind::kEqual);
  return static_cast<Comparison>(index);
}

/// `comparison` of an int with `limit` is the same as with the double, if such a limit exists.
bool whole_limit(double value, Comparison& comparison, int64_t& limit) {
  if (!(value >= -0x1p62 && value <= 0x1p62)) return false;
  const double below = std::floor(value);
  limit = static_cast<int64_t>(below);
  if (below == value) return true;
  switch (comparison) {
    case Comparison::kLess:
    case Comparison::kLessEqual:
      comparison = Comparison::kLessEqual;
      return true;
    case Comparison::kGreater:
    case Comparison::kGreaterEqual:
      comparison = Comparison::kGreater;
      return true;
    default:
      return false;
  }
}

bool int_as_double(int64_t value, double& number) {
  number = static_cast<double>(value);
  return compare_exactly(value, number) == 0;
}

template <typename T, typename Below>
void sort_once(std::vector<T>& values, Below&& below) {
  std::sort(values.begin(), values.end(), below);
  const auto same = [&](const T& a, const T& b) { return !below(a, b) && !below(b, a); };
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
}

/// Turns syntax into a program, from the leaves up.
class ProgramMaker {
 public:
  ProgramMaker(const ExpressionPlace& place, const Syntax& syntax, Binder& binder, Program& program)
      : place_(place), syntax_(syntax), binder_(binder), program_(program) {}

  bool make(std::optional<Type> wanted) {
    const NodeIndex root = make_node(syntax_.root);
    if (!root) return false;
    if (wanted && node(*root).is_untyped_null) node(*root) = null_of(*wanted, node(*root).at);
    if (wanted && node(*root).type != *wanted) {
      problem(syntax_.nodes[syntax_.root].at,
              fmt::format("the whole is {}", type_name(node(*root).type)),
              std::string(type_name(*wanted)),
              *wanted == Type::kBool ? "compare it with something" : "");
      return false;
    }
    program_.root = *root;
    for (const ProgramNode& made : program_.nodes) {
      if (made.call.pattern != nullptr) program_.can_reject = true;
    }
    return true;
  }

 private:
  ProgramNode& node(uint32_t index) { return program_.nodes[index]; }
  bool is_constant(uint32_t index) { return node(index).operation == Operation::kConstant; }

  void problem(size_t at, std::string found, std::string expected, std::string fix) {
    if (++problems_ > kProblemsMax) return;
    place_.problem(at, std::move(found), std::move(expected), std::move(fix));
  }

  uint32_t add(ProgramNode made) {
    program_.nodes.push_back(std::move(made));
    ProgramNode& placed = program_.nodes.back();
    placed.constant.view = placed.constant.text;
    return static_cast<uint32_t>(program_.nodes.size() - 1);
  }

  static ProgramNode null_of(Type type, size_t at) {
    return {.operation = Operation::kConstant,
            .type = type,
            .at = at,
            .constant = {.type = type, .null = 1}};
  }

  uint32_t add_constant(size_t at, Constant constant) {
    return add({.operation = Operation::kConstant,
                .type = constant.type,
                .at = at,
                .constant = std::move(constant)});
  }

  /// Adds a node; computes it now if all that it needs is constant.
  NodeIndex finish(ProgramNode made) {
    const size_t at = made.at;
    const uint32_t index = add(std::move(made));
    const auto& children = node(index).children;
    if (!std::all_of(children.begin(), children.end(),
                     [&](uint32_t c) { return is_constant(c); })) {
      return index;
    }
    ExpressionCounts counts;
    Constant value = ProgramEvaluator::fold(program_.nodes, index, counts);
    if (counts.int_overflow > 0) {
      problem(at, "a number that does not fit", "at most 64 bits",
              "write one of the numbers with a decimal point to compute with floats");
      return std::nullopt;
    }
    if (counts.bad_time > 0) {
      problem(at, "a text that is not such a time",
              "a time of 1678 to 2261 like '2026-01-31T12:00:00Z'", "");
      return std::nullopt;
    }
    if (counts.bad_number > 0) {
      problem(at, "a text that is not such a number", "digits", "");
      return std::nullopt;
    }
    node(index) = {};
    return add_constant(at, std::move(value));
  }

  NodeIndex make_node(uint32_t index) {
    const SyntaxNode& from = syntax_.nodes[index];
    switch (from.kind) {
      case SyntaxKind::kNull: {
        ProgramNode made = null_of(Type::kText, from.at);
        made.is_untyped_null = true;
        return add(std::move(made));
      }
      case SyntaxKind::kBool:
        return add_constant(from.at,
                            {.type = Type::kBool, .truth = static_cast<uint8_t>(from.truth)});
      case SyntaxKind::kInt:
        return add_constant(from.at, {.type = Type::kInt, .integer = from.integer});
      case SyntaxKind::kFloat:
        return add_constant(from.at, {.type = Type::kFloat, .number = from.number});
      case SyntaxKind::kText:
        return add_constant(from.at, {.type = Type::kText, .text = from.text});
      case SyntaxKind::kColumn:
        return make_column(from);
      default:
        return make_inner(from);
    }
  }

  NodeIndex make_column(const SyntaxNode& from) {
    const auto type = binder_.type_of(from.text);
    if (!type) {
      unknown_column(from);
      return std::nullopt;
    }
    const auto column = binder_.use(from.text, place_.line);
    return add(
        {.operation = Operation::kColumn, .type = column->type, .at = from.at, .column = *column});
  }

  static std::string column_fix(const std::string& name, const std::vector<std::string>& names) {
    for (const std::string_view word : {"null", "true", "false"}) {
      if (ascii_lower(name) == word) return fmt::format("write {}", word);
    }
    if (const auto near = near_match(name, names)) {
      return fmt::format("did you mean {}?", quoted(*near));
    }
    // `Country` of `Country/Region == 'US'`: an odd name without its backquotes.
    for (const std::string& known : names) {
      const bool begins = known.size() > name.size() && known.starts_with(name);
      if (begins &&
          std::string_view(" /-+*%()").find(known[name.size()]) != std::string_view::npos) {
        return fmt::format("put odd column names in backquotes: `{}`", escaped(known));
      }
    }
    return "write text in single quotes, 'like this', and odd column names in `backquotes`";
  }

  void unknown_column(const SyntaxNode& from) {
    const std::vector<std::string> names = binder_.schema().names();
    problem(from.at, fmt::format("there is no column {} here", quoted(from.text)),
            "one of " + listed(names), column_fix(from.text, names));
  }

  NodeIndex make_inner(const SyntaxNode& from) {
    std::vector<uint32_t> children;
    bool is_good = true;
    for (const uint32_t child : from.children) {
      const NodeIndex made = make_node(child);
      is_good = is_good && made;
      if (made) children.push_back(*made);
    }
    if (!is_good) return std::nullopt;
    switch (from.kind) {
      case SyntaxKind::kNot:
      case SyntaxKind::kAnd:
      case SyntaxKind::kOr:
        return make_logic(from, std::move(children));
      case SyntaxKind::kIn:
      case SyntaxKind::kNotIn:
        return make_membership(from, std::move(children));
      case SyntaxKind::kIsNull:
      case SyntaxKind::kIsNotNull:
        return finish({.operation = Operation::kIsNull,
                       .type = Type::kBool,
                       .at = from.at,
                       .children = std::move(children),
                       .is_negated = from.kind == SyntaxKind::kIsNotNull});
      case SyntaxKind::kNegate:
        return make_negation(from, children[0]);
      case SyntaxKind::kCall:
        return make_call(from, std::move(children));
      case SyntaxKind::kAdd:
      case SyntaxKind::kSubtract:
      case SyntaxKind::kMultiply:
      case SyntaxKind::kDivide:
      case SyntaxKind::kModulo:
        return make_arithmetic(from, children[0], children[1]);
      default:
        return make_comparison(from, children[0], children[1]);
    }
  }

  /// Gives the word null the type that is wanted where it stands.
  void settle(uint32_t index, Type type) {
    if (node(index).is_untyped_null) node(index) = null_of(type, node(index).at);
  }

  NodeIndex make_logic(const SyntaxNode& from, std::vector<uint32_t> children) {
    const Operation operation = from.kind == SyntaxKind::kNot   ? Operation::kNot
                                : from.kind == SyntaxKind::kAnd ? Operation::kAnd
                                                                : Operation::kOr;
    static constexpr std::string_view kWords[] = {"not", "and", "or"};
    bool is_good = true;
    for (const uint32_t child : children) {
      settle(child, Type::kBool);
      if (node(child).type == Type::kBool) continue;
      is_good = false;
      problem(
          node(child).at,
          fmt::format("{} of {}",
                      kWords[static_cast<size_t>(operation) - static_cast<size_t>(Operation::kNot)],
                      type_name(node(child).type)),
          "bool", "compare it with something");
    }
    if (!is_good) return std::nullopt;
    return finish({.operation = operation,
                   .type = Type::kBool,
                   .at = from.at,
                   .children = std::move(children)});
  }

  NodeIndex make_negation(const SyntaxNode& from, uint32_t child) {
    settle(child, Type::kInt);
    if (!is_numeric(node(child).type)) {
      problem(from.at, fmt::format("- before {}", type_name(node(child).type)), "a number",
              number_fix(child));
      return std::nullopt;
    }
    return finish({.operation = Operation::kNegate,
                   .type = node(child).type,
                   .at = from.at,
                   .children = {child}});
  }

  /// How a text column could be a number.
  std::string number_fix(uint32_t child) {
    if (node(child).operation != Operation::kColumn || node(child).type != Type::kText) return "";
    return "write float(...) around it, or set its type where it is made, for instance types = { "
           "name = \"float\" }";
  }

  uint32_t as_float(uint32_t child) {
    if (node(child).type == Type::kFloat) return child;
    return *finish({.operation = Operation::kToFloat,
                    .type = Type::kFloat,
                    .at = node(child).at,
                    .children = {child}});
  }

  NodeIndex make_arithmetic(const SyntaxNode& from, uint32_t left, uint32_t right) {
    static constexpr std::string_view kSymbols = "+-*/%";
    const auto at = static_cast<size_t>(from.kind) - static_cast<size_t>(SyntaxKind::kAdd);
    auto operation = static_cast<Operation>(static_cast<size_t>(Operation::kAdd) + at);
    const Type other = node(left).is_untyped_null ? node(right).type : node(left).type;
    settle(left, is_numeric(other) ? other : Type::kInt);
    settle(right, is_numeric(other) ? other : Type::kInt);
    const Type a = node(left).type;
    const Type b = node(right).type;
    Type type = Type::kFloat;
    if (operation == Operation::kSubtract && a == Type::kTime && b == Type::kTime) {
      operation = Operation::kTimeBetween;
    } else if (!is_numeric(a) || !is_numeric(b)) {
      const uint32_t wrong = is_numeric(a) ? right : left;
      problem(from.at, fmt::format("{} {} {}", type_name(a), kSymbols.substr(at, 1), type_name(b)),
              "two numbers", number_fix(wrong));
      return std::nullopt;
    } else if (operation != Operation::kDivide && a == Type::kInt && b == Type::kInt) {
      type = Type::kInt;
    } else {
      left = as_float(left);
      right = as_float(right);
    }
    return finish({.operation = operation, .type = type, .at = from.at, .children = {left, right}});
  }

  /// Makes a text constant a time where it meets a time. False after a problem.
  bool read_time(uint32_t index) {
    int64_t nanoseconds = 0;
    if (!parse_time(node(index).constant.text, nanoseconds)) {
      problem(node(index).at, quoted(node(index).constant.text),
              "a time like '2026-01-31' or '2026-01-31T12:00:00Z'", "");
      return false;
    }
    ProgramNode& made = node(index);
    made.type = Type::kTime;
    made.constant = {.type = Type::kTime, .integer = nanoseconds};
    return true;
  }

  /// Checks that the two can be compared; a problem otherwise.
  bool make_comparable(const SyntaxNode& from, uint32_t left, uint32_t right) {
    if (node(left).is_untyped_null || node(right).is_untyped_null) {
      problem(from.at, "a comparison with null, which is never true", "a value",
              "write is null or is not null");
      return false;
    }
    const Type a = node(left).type;
    const Type b = node(right).type;
    if (a == b || (is_numeric(a) && is_numeric(b))) return true;
    if (a == Type::kTime && b == Type::kText && is_constant(right)) return read_time(right);
    if (b == Type::kTime && a == Type::kText && is_constant(left)) return read_time(left);
    problem(from.at, fmt::format("a comparison of {} with {}", type_name(a), type_name(b)),
            "two values of one type", comparison_fix(left, right));
    return false;
  }

  std::string comparison_fix(uint32_t left, uint32_t right) {
    const uint32_t text = node(left).type == Type::kText ? left : right;
    const uint32_t other = text == left ? right : left;
    if (node(text).type != Type::kText) return "";
    if (is_numeric(node(other).type) && is_constant(text)) {
      return "write numbers without quotes";
    }
    if (is_numeric(node(other).type) && is_constant(other)) {
      return "write the number in single quotes, or set the column's type where it is made";
    }
    if (node(other).type == Type::kTime) return "write time(...) around the text";
    return "set the column's type where it is made, for instance types = { name = \"int\" }";
  }

  NodeIndex make_comparison(const SyntaxNode& from, uint32_t left, uint32_t right) {
    if (!make_comparable(from, left, right)) return std::nullopt;
    ProgramNode made = {.operation = Operation::kCompare,
                        .type = Type::kBool,
                        .at = from.at,
                        .children = {left, right},
                        .comparison = comparison_of(from.kind)};
    if (is_constant(left) && !is_constant(right)) {
      std::swap(made.children[0], made.children[1]);
      made.comparison = mirrored(made.comparison);
    }
    take_constant(made);
    return finish(std::move(made));
  }

  /// Moves a constant right side into the node itself, in the type of the left side, if that is
  /// exact.
  void take_constant(ProgramNode& made) {
    if (is_constant(made.children[0]) || !is_constant(made.children[1])) return;
    Constant constant = node(made.children[1]).constant;
    if (constant.null != 0 || constant.number != constant.number) return;
    const Type type = node(made.children[0]).type;
    Comparison comparison = made.comparison;
    if (type == Type::kInt && constant.type == Type::kFloat) {
      if (!whole_limit(constant.number, comparison, constant.integer)) return;
    } else if (type == Type::kFloat && constant.type == Type::kInt) {
      if (!int_as_double(constant.integer, constant.number)) return;
    }
    constant.type = type;
    made.operation = Operation::kCompareConstant;
    made.comparison = comparison;
    made.constant = std::move(constant);
    made.children.pop_back();
  }

  NodeIndex make_membership(const SyntaxNode& from, std::vector<uint32_t> children) {
    const uint32_t value = children[0];
    settle(value, children.size() > 1 ? node(children[1]).type : Type::kText);
    ProgramNode made = {.operation = Operation::kIn,
                        .type = Type::kBool,
                        .at = from.at,
                        .children = {value},
                        .is_negated = from.kind == SyntaxKind::kNotIn};
    bool is_good = true;
    for (size_t i = 1; i < children.size(); ++i) {
      is_good = make_comparable(from, value, children[i]) && is_good;
      if (is_good) add_member(made, node(value).type, node(children[i]).constant);
    }
    if (!is_good) return std::nullopt;
    sort_once(made.ints, std::less<int64_t>());
    sort_once(made.texts, std::less<std::string>());
    sort_once(made.floats, [](double a, double b) { return compare_floats(a, b) < 0; });
    return finish(std::move(made));
  }

  /// Adds a member in the type of the value; one that no such value can equal is left out.
  static void add_member(ProgramNode& made, Type type, const Constant& member) {
    Comparison equal = Comparison::kEqual;
    int64_t whole = member.integer;
    double number = member.number;
    switch (type) {
      case Type::kText:
        made.texts.push_back(member.text);
        break;
      case Type::kInt:
        if (member.type == Type::kInt || whole_limit(member.number, equal, whole)) {
          made.ints.push_back(whole);
        }
        break;
      case Type::kFloat:
        if (member.type == Type::kFloat || int_as_double(member.integer, number)) {
          made.floats.push_back(number);
        }
        break;
      case Type::kTime:
        made.ints.push_back(whole);
        break;
      case Type::kBool:
        made.ints.push_back(member.truth);
        break;
    }
  }

  NodeIndex make_call(const SyntaxNode& from, std::vector<uint32_t> children) {
    switch (from.function->form) {
      case FunctionForm::kIf:
        settle(children[0], Type::kBool);
        if (node(children[0]).type != Type::kBool) {
          problem(from.at, fmt::format("if of {}", type_name(node(children[0]).type)),
                  "a condition, which is bool", "compare it with something");
          return std::nullopt;
        }
        return make_choice(from, Operation::kIf, std::move(children), 1);
      case FunctionForm::kCoalesce:
        return make_choice(from, Operation::kCoalesce, std::move(children), 0);
      case FunctionForm::kStrict:
        return make_strict_call(from, std::move(children));
    }
    SHARDMILL_CHECK(false);
  }

  /// if and coalesce: the children from `first` on take one type.
  NodeIndex make_choice(const SyntaxNode& from, Operation operation, std::vector<uint32_t> children,
                        size_t first) {
    std::optional<Type> type;
    for (size_t i = first; i < children.size(); ++i) {
      if (node(children[i]).is_untyped_null) continue;
      const Type own = node(children[i]).type;
      if (!type || *type == own) {
        type = own;
      } else if (is_numeric(*type) && is_numeric(own)) {
        type = Type::kFloat;
      } else {
        problem(node(children[i]).at,
                fmt::format("{} of {} and {}", from.text, type_name(*type), type_name(own)),
                "values of one type", "");
        return std::nullopt;
      }
    }
    if (!type) {
      problem(from.at, fmt::format("{} of nothing but null", from.text), "a value", "");
      return std::nullopt;
    }
    for (size_t i = first; i < children.size(); ++i) {
      settle(children[i], *type);
      if (*type == Type::kFloat) children[i] = as_float(children[i]);
    }
    return finish(
        {.operation = operation, .type = *type, .at = from.at, .children = std::move(children)});
  }

  bool fits(const FunctionOverload& overload, const std::vector<uint32_t>& children,
            bool widening) {
    if (overload.arguments.size() != children.size()) return false;
    for (size_t i = 0; i < children.size(); ++i) {
      const ProgramNode& child = node(children[i]);
      const Type wanted = overload.arguments[i];
      const bool widened = widening && child.type == Type::kInt && wanted == Type::kFloat;
      if (!child.is_untyped_null && child.type != wanted && !widened) return false;
    }
    return true;
  }

  const FunctionOverload* choose(const FunctionSpec& function,
                                 const std::vector<uint32_t>& children) {
    for (const bool widening : {false, true}) {
      for (const FunctionOverload& overload : function.overloads) {
        if (fits(overload, children, widening)) return &overload;
      }
    }
    return nullptr;
  }

  NodeIndex make_strict_call(const SyntaxNode& from, std::vector<uint32_t> children) {
    const FunctionOverload* overload = choose(*from.function, children);
    if (overload == nullptr) {
      std::vector<std::string> given;
      for (const uint32_t child : children) given.emplace_back(type_name(node(child).type));
      problem(from.at, fmt::format("{}({})", from.text, listed(given)),
              accepted(*from.function, children.size()), call_fix(*from.function, children));
      return std::nullopt;
    }
    for (size_t i = 0; i < children.size(); ++i) {
      settle(children[i], overload->arguments[i]);
      if (overload->arguments[i] == Type::kFloat) children[i] = as_float(children[i]);
    }
    ProgramNode made = {.operation = Operation::kCall,
                        .type = overload->result,
                        .at = from.at,
                        .children = std::move(children),
                        .overload = overload};
    if (!prepare(from, made)) return std::nullopt;
    return finish(std::move(made));
  }

  /// The types that a call with so many arguments can have.
  static std::string accepted(const FunctionSpec& function, size_t count) {
    std::string lists;
    for (const FunctionOverload& overload : function.overloads) {
      if (overload.arguments.size() != count) continue;
      std::vector<std::string> types;
      for (const Type type : overload.arguments) types.emplace_back(type_name(type));
      lists += (lists.empty() ? "" : " or ") + std::string(function.name);
      lists += "(" + listed(types) + ")";
    }
    return lists;
  }

  std::string call_fix(const FunctionSpec& function, const std::vector<uint32_t>& children) {
    const bool takes_time = function.overloads[0].arguments[0] == Type::kTime;
    if (takes_time && node(children[0]).type == Type::kText) {
      return fmt::format("write {}(time(...))", function.name);
    }
    for (const FunctionOverload& overload : function.overloads) {
      if (overload.arguments.size() != children.size()) continue;
      const bool takes_text = std::all_of(overload.arguments.begin(), overload.arguments.end(),
                                          [](Type type) { return type == Type::kText; });
      return takes_text ? "write text(...) around what is no text" : number_fix(children[0]);
    }
    return {};
  }

  bool prepare(const SyntaxNode& from, ProgramNode& made) {
    if (made.overload->prepare == nullptr) return true;
    std::vector<Vector> constants;
    for (size_t i = 1; i < made.children.size(); ++i) {
      const ProgramNode& child = node(made.children[i]);
      if (child.operation == Operation::kConstant && child.constant.null == 0) {
        constants.push_back(child.constant.vector());
      } else if (made.overload->needs_constants) {
        problem(child.at,
                fmt::format("argument {} of {} changes with the record", i + 1, from.text),
                "a constant", fmt::format("for example {}", from.function->example));
        return false;
      } else {
        return true;
      }
    }
    const std::string wrong = made.overload->prepare(constants, made.call);
    if (!wrong.empty()) {
      problem(node(made.children[1]).at, wrong, "", "");
      return false;
    }
    made.is_prepared = true;
    return true;
  }

  const ExpressionPlace& place_;
  const Syntax& syntax_;
  Binder& binder_;
  Program& program_;
  size_t problems_ = 0;
};

}  // namespace

bool make_program(const ExpressionPlace& place, const Syntax& syntax, Binder& binder,
                  std::optional<Type> wanted, Program& program) {
  return ProgramMaker(place, syntax, binder, program).make(wanted);
}

}  // namespace shardmill
