#include "pipeline/plan/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "pipeline/base/check.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

/// Numbers above this are not whole in a double any more.
constexpr double kLargestBound = 9.0e18;

std::string number_text(double value) {
  if (std::trunc(value) == value && std::fabs(value) < 1e15) {
    return fmt::format("{}{}", value < 0 ? "-" : "",
                       with_separators(static_cast<uint64_t>(std::fabs(value))));
  }
  return fmt::format("{}", value);
}

std::string bound_text(const FieldSpec& field, double value) {
  if (field.kind == FieldKind::kBytes) return format_bytes(static_cast<uint64_t>(value));
  if (field.kind == FieldKind::kSeconds) return format_seconds(value);
  return number_text(value);
}

/// What was given, as a person would name it.
std::string given_text(const TomlNode& node) {
  switch (node.kind) {
    case TomlKind::kText:
      return quoted(node.text);
    case TomlKind::kInt:
      return std::to_string(node.integer);
    case TomlKind::kFloat:
      return fmt::format("{}", node.number);
    case TomlKind::kBool:
      return node.flag ? "true" : "false";
    case TomlKind::kTime:
    case TomlKind::kArray:
    case TomlKind::kTable:
      break;
  }
  return std::string(toml_kind_name(node.kind));
}

std::string wanted_text(const FieldSpec& field) {
  switch (field.kind) {
    case FieldKind::kText:
      return "a text";
    case FieldKind::kInt:
      return "a whole number";
    case FieldKind::kFloat:
      return "a number";
    case FieldKind::kBool:
      return "true or false";
    case FieldKind::kBytes:
      return "a number of bytes like 65536 or \"64KiB\"";
    case FieldKind::kSeconds:
      return "seconds like 90 or \"1h30min\"";
    case FieldKind::kChoice:
      return "one of " + listed(field.choices);
    case FieldKind::kColumn:
      return "the name of a column";
    case FieldKind::kExpression:
      return "an expression as text";
    case FieldKind::kTextList:
      return "a list of texts or one text";
    case FieldKind::kColumnList:
      return "a list of column names or one name";
    case FieldKind::kTextMap:
      return "a table of texts like { a = \"b\" }";
    case FieldKind::kFile:
      return "the path of a file";
  }
  return "";
}

/// How to mend a value of the wrong kind; empty if there is nothing to say beyond what is expected.
std::string fix_text(const FieldSpec& field, const TomlNode& node) {
  const bool is_text = node.kind == TomlKind::kText;
  switch (field.kind) {
    case FieldKind::kText:
    case FieldKind::kColumn:
    case FieldKind::kExpression:
    case FieldKind::kFile:
      return "put it in quotes";
    case FieldKind::kInt:
    case FieldKind::kFloat:
    case FieldKind::kBool:
      return is_text ? "write it without quotes" : "";
    case FieldKind::kChoice:
      if (const auto near = is_text ? near_match(node.text, field.choices) : std::nullopt) {
        return "did you mean " + quoted(*near) + "?";
      }
      return {};
    default:
      return {};
  }
}

/// Makes a scalar that was given by --set the text that was written there.
void take_as_text(TomlNode& node) {
  const bool scalar = node.kind != TomlKind::kArray && node.kind != TomlKind::kTable;
  if (node.from_setting && scalar) node.kind = TomlKind::kText;
}

std::optional<OptionValue> convert_text(TomlNode& node) {
  take_as_text(node);
  if (node.kind != TomlKind::kText) return std::nullopt;
  return node.text;
}

std::optional<OptionValue> convert_choice(const FieldSpec& field, TomlNode& node) {
  const std::optional<OptionValue> value = convert_text(node);
  const bool known = value && std::find(field.choices.begin(), field.choices.end(), node.text) !=
                                  field.choices.end();
  return known ? value : std::nullopt;
}

std::optional<OptionValue> convert_number(const TomlNode& node) {
  if (node.kind == TomlKind::kInt) return static_cast<double>(node.integer);
  if (node.kind != TomlKind::kFloat || std::isnan(node.number)) return std::nullopt;
  return node.number;
}

std::optional<OptionValue> convert_bytes(const TomlNode& node) {
  if (node.kind == TomlKind::kInt && node.integer >= 0) return node.integer;
  if (node.kind != TomlKind::kText) return std::nullopt;
  const Result<uint64_t> parsed = parse_bytes(node.text);
  if (!parsed.is_ok()) return std::nullopt;
  return static_cast<int64_t>(*parsed);
}

std::optional<OptionValue> convert_seconds(const TomlNode& node) {
  if (node.kind != TomlKind::kText) return convert_number(node);
  const Result<double> parsed = parse_seconds(node.text);
  if (!parsed.is_ok()) return std::nullopt;
  return *parsed;
}

std::optional<OptionValue> convert_list(TomlNode& node) {
  take_as_text(node);
  if (node.kind == TomlKind::kText) return std::vector<std::string>{node.text};
  if (node.kind != TomlKind::kArray) return std::nullopt;
  std::vector<std::string> values;
  for (const TomlNode& item : node.items) {
    if (item.kind != TomlKind::kText) return std::nullopt;
    values.push_back(item.text);
  }
  return values;
}

std::optional<OptionValue> convert_map(const TomlNode& node) {
  if (node.kind != TomlKind::kTable) return std::nullopt;
  TextMap values;
  for (const TomlEntry& entry : node.entries) {
    if (entry.value.kind != TomlKind::kText) return std::nullopt;
    values.emplace_back(entry.key, entry.value.text);
  }
  return values;
}

/// The value as the field's kind, or nothing if it is of another kind.
std::optional<OptionValue> convert(const FieldSpec& field, TomlNode& node) {
  switch (field.kind) {
    case FieldKind::kText:
    case FieldKind::kColumn:
    case FieldKind::kExpression:
    case FieldKind::kFile:
      return convert_text(node);
    case FieldKind::kChoice:
      return convert_choice(field, node);
    case FieldKind::kInt:
      return node.kind == TomlKind::kInt ? std::optional<OptionValue>(node.integer) : std::nullopt;
    case FieldKind::kFloat:
      return convert_number(node);
    case FieldKind::kBool:
      return node.kind == TomlKind::kBool ? std::optional<OptionValue>(node.flag) : std::nullopt;
    case FieldKind::kBytes:
      return convert_bytes(node);
    case FieldKind::kSeconds:
      return convert_seconds(node);
    case FieldKind::kTextList:
    case FieldKind::kColumnList:
      return convert_list(node);
    case FieldKind::kTextMap:
      return convert_map(node);
  }
  return std::nullopt;
}

/// The number in a value, if it is one.
std::optional<double> number_in(const OptionValue& value) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

bool in_bounds(const FieldSpec& field, const OptionValue& value) {
  const std::optional<double> number = number_in(value);
  if (!number) return true;
  return (!field.min || *number >= *field.min) && (!field.max || *number <= *field.max);
}

/// Checks the values of one table.
class FieldChecker {
 public:
  FieldChecker(const FieldTable& fields, Problems& problems)
      : fields_(fields), problems_(problems) {}

  Options check(TomlNode& table) {
    Options options;
    options.stage_line = table.line;
    for (TomlEntry& entry : table.entries) check_entry(entry, options);
    for (const FieldSpec* field : fields_.fields) fill_in(*field, table, options);
    return options;
  }

 private:
  void check_entry(TomlEntry& entry, Options& options) {
    const auto at = std::find_if(fields_.fields.begin(), fields_.fields.end(),
                                 [&](const FieldSpec* field) { return field->name == entry.key; });
    if (at == fields_.fields.end()) return unknown(entry);
    const FieldSpec& field = **at;
    std::optional<OptionValue> value = convert(field, entry.value);
    if (!value) {
      wrong_kind(field, entry);
    } else if (!in_bounds(field, *value)) {
      out_of_bounds(field, *number_in(*value), entry.line);
    } else {
      options.set(entry.key, std::move(*value), entry.line);
    }
  }

  void fill_in(const FieldSpec& field, const TomlNode& table, Options& options) {
    if (options.has(field.name)) return;
    if (!field.default_text.empty()) {
      options.set(field.name, default_value(field), 0);
    } else if (field.required && table.find(field.name) == nullptr) {
      problems_.add(table.line, {.place = {},
                                 .found = fields_.label + " has no " + quoted(field.name),
                                 .expected = wanted_text(field),
                                 .fix = see()});
    }
  }

  void unknown(const TomlEntry& entry) {
    std::vector<std::string> names;
    for (const FieldSpec* field : fields_.fields) names.push_back(field->name);
    const auto near = near_match(entry.key, names);
    problems_.add(entry.line, {.place = {},
                               .found = "unknown key " + quoted(entry.key) + " in " + fields_.label,
                               .expected = "one of " + listed(names, 30),
                               .fix = near ? "did you mean " + quoted(*near) + "?" : see()});
  }

  std::string see() const { return "see " + quoted(fields_.help); }

  void wrong_kind(const FieldSpec& field, const TomlEntry& entry) {
    const std::string fix = fix_text(field, entry.value);
    problems_.add(entry.line, {.place = {},
                               .found = field.name + " is " + given_text(entry.value),
                               .expected = wanted_text(field),
                               .fix = fix.empty() ? see() : fix});
  }

  void out_of_bounds(const FieldSpec& field, double value, int line) {
    problems_.add(line, {.place = {},
                         .found = field.name + " is " + bound_text(field, value),
                         .expected = field_bounds_text(field),
                         .fix = see()});
  }

  const FieldTable& fields_;
  Problems& problems_;
};

}  // namespace

std::string field_kind_text(const FieldSpec& field) {
  switch (field.kind) {
    case FieldKind::kText:
      return "text";
    case FieldKind::kInt:
      return "int";
    case FieldKind::kFloat:
      return "float";
    case FieldKind::kBool:
      return "bool";
    case FieldKind::kBytes:
      return "bytes";
    case FieldKind::kSeconds:
      return "seconds";
    case FieldKind::kChoice:
      return listed(field.choices, field.choices.size());
    case FieldKind::kColumn:
      return "column";
    case FieldKind::kExpression:
      return "expression";
    case FieldKind::kTextList:
      return "list of texts";
    case FieldKind::kColumnList:
      return "list of columns";
    case FieldKind::kTextMap:
      return "table of texts";
    case FieldKind::kFile:
      return "file";
  }
  return "";
}

std::string field_bounds_text(const FieldSpec& field) {
  const bool bounded_above = field.max && *field.max < kLargestBound;
  if (field.min && bounded_above) {
    return bound_text(field, *field.min) + " to " + bound_text(field, *field.max);
  }
  if (field.min) return "at least " + bound_text(field, *field.min);
  if (bounded_above) return "at most " + bound_text(field, *field.max);
  return {};
}

OptionValue default_value(const FieldSpec& field) {
  TomlNode node;
  node.kind = TomlKind::kText;
  node.text = field.default_text;
  int64_t whole = 0;
  double fraction = 0;
  bool flag = false;
  if (field.kind == FieldKind::kInt && parse_int(node.text, whole)) {
    node.kind = TomlKind::kInt;
    node.integer = whole;
  } else if (field.kind == FieldKind::kFloat && parse_float(node.text, fraction)) {
    node.kind = TomlKind::kFloat;
    node.number = fraction;
  } else if (field.kind == FieldKind::kBool && parse_bool(node.text, flag)) {
    node.kind = TomlKind::kBool;
    node.flag = flag;
  }
  std::optional<OptionValue> value = convert(field, node);
  SHARDMILL_CHECK(value && in_bounds(field, *value));
  return *value;
}

Options check_fields(TomlNode& table, const FieldTable& fields, Problems& problems) {
  return FieldChecker(fields, problems).check(table);
}

}  // namespace shardmill
