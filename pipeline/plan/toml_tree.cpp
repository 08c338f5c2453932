#include "pipeline/plan/toml_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

#include "pipeline/base/text.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"

// The library asserts in places that bad input reaches ("[[" before anything but a key), where its
// code goes on to report a good error. Without NDEBUG its assumptions are assertions too, and those
// do nothing here.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace shardmill {

namespace {

template <typename T>
std::string streamed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

/// Full times in the one form that is written everywhere; local times and bare times of day stay.
std::string canonical_time(std::string text) {
  int64_t nanoseconds = 0;
  if (text.size() < 10 || !parse_time(text, nanoseconds)) return text;
  std::string out;
  append_time(out, nanoseconds);
  return out;
}

int line_of(const toml::source_region& source) {
  return static_cast<int>(source.begin.line);
}

TomlNode convert(const toml::node& node);

TomlNode convert_table(const toml::table& table) {
  TomlNode out;
  std::vector<std::pair<toml::source_position, TomlEntry>> entries;
  for (const auto& [key, value] : table) {
    entries.push_back(
        {key.source().begin,
         {.key = std::string(key.str()), .line = line_of(key.source()), .value = convert(value)}});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& entry : entries) out.entries.push_back(std::move(entry.second));
  return out;
}

TomlNode convert_array(const toml::array& array) {
  TomlNode out;
  out.kind = TomlKind::kArray;
  for (const toml::node& item : array) out.items.push_back(convert(item));
  return out;
}

TomlNode convert_scalar(const toml::node& node) {
  TomlNode out;
  if (const auto* text = node.as_string()) {
    out.kind = TomlKind::kText;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.kind = TomlKind::kInt;
    out.integer = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    out.kind = TomlKind::kFloat;
    out.number = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.kind = TomlKind::kBool;
    out.flag = flag->get();
  } else {
    out.kind = TomlKind::kTime;
    if (const auto* time = node.as_date_time()) out.text = canonical_time(streamed(time->get()));
    if (const auto* date = node.as_date()) out.text = canonical_time(streamed(date->get()));
    if (const auto* hour = node.as_time()) out.text = streamed(hour->get());
  }
  return out;
}

TomlNode convert(const toml::node& node) {
  TomlNode out;
  if (const toml::table* table = node.as_table()) {
    out = convert_table(*table);
  } else if (const toml::array* array = node.as_array()) {
    out = convert_array(*array);
  } else {
    out = convert_scalar(node);
  }
  out.line = line_of(node.source());
  return out;
}

/// The library's description as one of our messages: one line, lower case at its start.
std::string error_text(std::string_view description) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  std::string text = "cannot read ";
  if (description.starts_with(kPrefix)) {
    text += description.substr(kPrefix.size());
  } else {
    text += "this as TOML: " + std::string(description);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

bool is_bare_key(std::string_view key) {
  const auto bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !key.empty() && std::all_of(key.begin(), key.end(), bare);
}

std::string key_text(std::string_view key) {
  return is_bare_key(key) ? std::string(key) : toml_quoted(key);
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void append_value(std::string& out, const TomlNode& node) {
  switch (node.kind) {
    case TomlKind::kText:
      out += toml_quoted(node.text);
      return;
    case TomlKind::kInt:
      out += std::to_string(node.integer);
      return;
    case TomlKind::kFloat:
      out += float_text(node.number);
      return;
    case TomlKind::kBool:
      out += node.flag ? "true" : "false";
      return;
    case TomlKind::kTime:
      out += node.text;
      return;
    case TomlKind::kArray:
      out += '[';
      for (size_t i = 0; i < node.items.size(); ++i) {
        out += i == 0 ? "" : ", ";
        append_value(out, node.items[i]);
      }
      out += ']';
      return;
    case TomlKind::kTable:
      out += '{';
      for (size_t i = 0; i < node.entries.size(); ++i) {
        out += i == 0 ? " " : ", ";
        out += key_text(node.entries[i].key) + " = ";
        append_value(out, node.entries[i].value);
      }
      out += node.entries.empty() ? "}" : " }";
      return;
  }
}

void append_entries(std::string& out, const TomlNode& table) {
  for (const TomlEntry& entry : table.entries) {
    out += key_text(entry.key) + " = ";
    append_value(out, entry.value);
    out += '\n';
  }
}

bool is_table_array(const TomlNode& node) {
  return node.kind == TomlKind::kArray && !node.items.empty() &&
         std::all_of(node.items.begin(), node.items.end(),
                     [](const TomlNode& item) { return item.kind == TomlKind::kTable; });
}

/// A value as written on a command line: TOML if it is, text otherwise.
TomlNode setting_value(std::string_view value) {
  const toml::parse_result parsed = toml::parse("x = " + std::string(value));
  TomlNode node;
  node.kind = TomlKind::kText;
  node.text = value;
  if (!parsed || parsed.table().size() != 1 || !parsed.table().contains("x")) return node;
  TomlNode given = convert(*parsed.table().get("x"));
  if (given.kind != TomlKind::kText) given.text = value;
  return given;
}

void mark_setting(TomlNode& node, int line) {
  node.line = line;
  node.from_setting = true;
  for (TomlNode& item : node.items) mark_setting(item, line);
  for (TomlEntry& entry : node.entries) {
    entry.line = line;
    mark_setting(entry.value, line);
  }
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Message bad_setting(std::string_view key, std::string found) {
  return {.place = "--set " + escaped(key),
          .found = std::move(found),
          .expected = "a path like input.unit_bytes, run.memory or stage.0.k",
          .fix = "count stages from 0"};
}

TomlNode* item_of(TomlNode& array, std::string_view part) {
  size_t index = 0;
  for (const char c : part) {
    if (c < '0' || c > '9' || index > array.items.size()) return nullptr;
    index = index * 10 + static_cast<size_t>(c - '0');
  }
  return part.empty() || index >= array.items.size() ? nullptr : &array.items[index];
}

/// The place in the tree that the path names, made if it may be. nullptr after a problem.
TomlNode* reach(TomlNode& root, std::string_view key, int line, Problems& problems) {
  TomlNode* at = &root;
  for (const std::string& part : split_path(key)) {
    if (at->kind == TomlKind::kArray) {
      TomlNode* item = item_of(*at, part);
      if (item == nullptr) {
        problems.add(line, bad_setting(key, fmt::format("{} is not one of {}", quoted(part),
                                                        counted(at->items.size(), "item"))));
        return nullptr;
      }
      at = item;
      continue;
    }
    if (at->kind != TomlKind::kTable || part.empty()) {
      problems.add(line, bad_setting(key, quoted(key) + " names no place in the job"));
      return nullptr;
    }
    TomlNode* child = at->find(part);
    if (child == nullptr) {
      at->entries.push_back({.key = part, .line = line, .value = {}});
      child = &at->entries.back().value;
      child->line = line;
    }
    at = child;
  }
  return at;
}

std::string json_text(std::string_view text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

std::string table_json(const TomlNode& node) {
  if (node.entries.empty()) return "null";
  std::vector<const TomlEntry*> sorted;
  for (const TomlEntry& entry : node.entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const TomlEntry* a, const TomlEntry* b) { return a->key < b->key; });
  std::string out = "{";
  for (const TomlEntry* entry : sorted) {
    if (out.size() > 1) out += ',';
    out += json_text(entry->key) + ":" + toml_json(entry->value);
  }
  return out + "}";
}

}  // namespace

std::string_view toml_kind_name(TomlKind kind) {
  switch (kind) {
    case TomlKind::kText:
      return "a text";
    case TomlKind::kInt:
      return "a whole number";
    case TomlKind::kFloat:
      return "a number";
    case TomlKind::kBool:
      return "true or false";
    case TomlKind::kTime:
      return "a time";
    case TomlKind::kArray:
      return "a list";
    case TomlKind::kTable:
      return "a table";
  }
  return "";
}

const TomlNode* TomlNode::find(std::string_view key) const {
  const auto at = std::find_if(entries.begin(), entries.end(),
                               [&](const TomlEntry& entry) { return entry.key == key; });
  return at == entries.end() ? nullptr : &at->value;
}

TomlNode* TomlNode::find(std::string_view key) {
  return const_cast<TomlNode*>(std::as_const(*this).find(key));
}

TomlNode parse_toml(std::string_view text, std::string_view place, Problems& problems) {
  const toml::parse_result parsed = toml::parse(text);
  if (parsed) return convert(parsed.table());
  const toml::parse_error& error = parsed.error();
  const int line = line_of(error.source());
  problems.add(line, {.place = fmt::format("{}:{}:{}", escaped(place), line,
                                           static_cast<unsigned>(error.source().begin.column)),
                      .found = error_text(error.description()),
                      .expected = {},
                      .fix = "mend the syntax here first; other mistakes show after that"});
  return {};
}

void apply_settings(TomlNode& root,
                    const std::vector<std::pair<std::string, std::string>>& settings,
                    Problems& problems) {
  for (size_t i = 0; i < settings.size(); ++i) {
    const int line = -static_cast<int>(i) - 1;
    TomlNode* place = reach(root, settings[i].first, line, problems);
    if (place == nullptr) continue;
    *place = setting_value(settings[i].second);
    mark_setting(*place, line);
  }
}

std::string toml_text(const TomlNode& root) {
  std::string scalars;
  std::string tables;
  for (const TomlEntry& entry : root.entries) {
    if (entry.value.kind == TomlKind::kTable) {
      tables += "\n[" + key_text(entry.key) + "]\n";
      append_entries(tables, entry.value);
    } else if (is_table_array(entry.value)) {
      for (const TomlNode& item : entry.value.items) {
        tables += "\n[[" + key_text(entry.key) + "]]\n";
        append_entries(tables, item);
      }
    } else {
      scalars += key_text(entry.key) + " = ";
      append_value(scalars, entry.value);
      scalars += '\n';
    }
  }
  return scalars + tables;
}

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_json(const TomlNode& node) {
  std::string out;
  switch (node.kind) {
    case TomlKind::kText:
    case TomlKind::kTime:
      return json_text(node.text);
    case TomlKind::kInt:
      return std::to_string(node.integer);
    case TomlKind::kFloat:
      append_json_float(out, node.number);
      return out;
    case TomlKind::kBool:
      return node.flag ? "true" : "false";
    case TomlKind::kTable:
      return table_json(node);
    case TomlKind::kArray:
      break;
  }
  for (const TomlNode& item : node.items) out += (out.empty() ? "" : ",") + toml_json(item);
  return "[" + out + "]";
}

Result<std::string> toml_value_json(std::string_view value) {
  Problems problems;
  const TomlNode root = parse_toml("x = " + std::string(value), "value", problems);
  const TomlNode* node = root.find("x");
  if (!problems.empty() || node == nullptr || root.entries.size() != 1) {
    return Status::usage(quoted(value) + " is no TOML value");
  }
  return toml_json(*node);
}

}  // namespace shardmill
