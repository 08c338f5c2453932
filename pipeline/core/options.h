// The declared fields of a stage or an input, and the values that a job file gives them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/base/message.h"

namespace shardmill {

enum class FieldKind : uint8_t {
  kText,
  kInt,
  kFloat,
  kBool,
  kBytes,       ///< an int of bytes, written 65536 or "64KiB"
  kSeconds,     ///< a float of seconds, written 90 or "1h30min"
  kChoice,      ///< one of `choices`
  kColumn,      ///< the name of a column
  kExpression,  ///< see docs/expressions.md
  kTextList,    ///< also written as one text
  kColumnList,  ///< names of columns, also written as one text
  kTextMap,     ///< a table of text values, in the order of the file: types = { a = "int" }
  kFile,        ///< the path of a small file whose content the stage gets, see Options::content
};

/// One option, declared once: parser, bounds, help, docs and completion all come from here.
struct FieldSpec {
  std::string name;
  FieldKind kind = FieldKind::kText;
  std::string doc;  ///< one sentence; says the unit, and what bigger and smaller cost
  bool required = false;
  std::string default_text;   ///< as written in TOML without quotes; empty means unset
  std::optional<double> min;  ///< bounds of numbers, both inclusive
  std::optional<double> max;
  std::vector<std::string> choices = {};  ///< kChoice
  /// kFile: the kBytes field of the stage that bounds the content, uncompressed.
  std::string content_max_field = {};
};

using TextMap = std::vector<std::pair<std::string, std::string>>;
using OptionValue =
    std::variant<std::string, int64_t, double, bool, std::vector<std::string>, TextMap>;

/// The values of one stage or input after checking against its fields: every declared field that
/// was given or has a default is there with its declared kind. Immutable once bound; any thread.
class Options {
 public:
  void set(const std::string& name, OptionValue value, int line);

  bool has(std::string_view name) const;
  /// REQUIRES of all getters: the field is declared with a matching kind. An unset field gives
  /// empty or zero.
  const std::string& text(std::string_view name) const;  ///< also the path of a kFile
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;
  const TextMap& map(std::string_view name) const;
  /// What the file of a kFile field held at the start of the run, uncompressed: the same on every
  /// rank. nullptr if the field was not given, and before the job meets its inputs (in `check`).
  const std::string* content(std::string_view name) const;
  /// For the engine.
  void set_content(const std::string& name, std::shared_ptr<const std::string> content);
  std::shared_ptr<const std::string> shared_content(std::string_view name) const;
  void forget_contents() { contents_.clear(); }
  /// Line in the job file where the field was given; the line of the stage for defaults; 0 if there
  /// is no file.
  int line(std::string_view name) const;

  int stage_line = 0;

 private:
  struct Entry {
    OptionValue value;
    int line = 0;
  };
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::shared_ptr<const std::string>, std::less<>> contents_;
};

/// Mistakes in a job, collected so that all are shown at once.
class Problems {
 public:
  /// `message.place` is filled in by the planner from the line.
  void add(int line, Message message) { list_.push_back({line, std::move(message)}); }
  struct Problem {
    int line = 0;
    Message message;
  };
  const std::vector<Problem>& list() const { return list_; }
  bool empty() const { return list_.empty(); }

 private:
  std::vector<Problem> list_;
};

}  // namespace shardmill
