// Replaces what a pattern matches in a text column.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "stages/support/regex.h"

namespace shardmill {

namespace {

enum Counter : size_t { kChanged };

/// What a match is replaced by: texts, and numbers of groups.
using Replacement = std::vector<std::variant<std::string, uint32_t>>;

struct Settings {
  ColumnRef source;
  ColumnRef made;  ///< takes the source's place; the source may be known by another name as well
  std::shared_ptr<const Pattern> pattern;
  Replacement replacement;
};

class ReplaceWorker final : public StageWorker {
 public:
  explicit ReplaceWorker(const Settings& settings)
      : settings_(settings), match_(*settings.pattern) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    const Column& source = batch.columns[settings_.source.slot];
    Column& made = batch.columns[settings_.made.slot];
    made.prepare(Type::kText, batch.rows);
    batch.keep_rows([&](size_t row) {
      if (source.is_null(row)) {
        made.set_null(row);
        return true;
      }
      switch (replace(source.text[row])) {
        case PatternMatch::Found::kNo:
          made.text[row] = source.text[row];
          return true;
        case PatternMatch::Found::kYes:
          made.text[row] = batch.arena.copy(made_);
          context.count(kChanged, 1);
          return true;
        case PatternMatch::Found::kLimit:
          reject(batch, row, source.text[row], context);
          return false;
      }
      return true;
    });
    return next.pass(batch);
  }

 private:
  /// Leaves the text with everything replaced in made_, if there is a match.
  PatternMatch::Found replace(std::string_view text) {
    PatternMatch::Found found = match_.find(text);
    if (found != PatternMatch::Found::kYes) return found;
    made_.clear();
    size_t copied = 0;  // up to here text is in made_
    while (found == PatternMatch::Found::kYes) {
      const std::string_view matched = *match_.group(0);
      const auto begin = static_cast<size_t>(matched.data() - text.data());
      const size_t end = begin + matched.size();
      made_ += text.substr(copied, begin - copied);
      add_replacement();
      copied = end;
      const size_t from = matched.empty() ? behind_character(text, end) : end;
      if (from > text.size()) break;
      found = match_.find(text, from);
    }
    if (found == PatternMatch::Found::kLimit) return found;
    made_ += text.substr(copied);
    return PatternMatch::Found::kYes;
  }

  void add_replacement() {
    for (const auto& piece : settings_.replacement) {
      if (const auto* text = std::get_if<std::string>(&piece)) {
        made_ += *text;
      } else {
        made_ += match_.group(std::get<uint32_t>(piece)).value_or("");
      }
    }
  }

  /// After an empty match the search goes on behind the next character, of UTF-8 where it is that.
  static size_t behind_character(std::string_view text, size_t at) {
    return at + std::max<size_t>(1, utf8_length(text.substr(std::min(at, text.size()))));
  }

  static void reject(const Batch& batch, size_t row, std::string_view text,
                     const StageContext& context) {
    context.books->rejected += 1;
    context.rejects->reject(batch.slice->path, batch.offsets[row], text, text.size(),
                            match_limit_reason());
  }

  const Settings& settings_;
  PatternMatch match_;
  std::string made_;
};

class Replace final : public BoundStage {
 public:
  explicit Replace(Settings settings) : settings_(std::move(settings)) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<ReplaceWorker>(settings_);
  }

 private:
  Settings settings_;
};

/// Reads the text after a `$`: "1", "{1}", "{name}" or "$".
class ReplacementReader {
 public:
  ReplacementReader(std::string_view text, const Pattern& pattern)
      : text_(text), pattern_(pattern) {}

  std::optional<Replacement> read(Message& problem) {
    while (at_ < text_.size()) {
      const size_t dollar = std::min(text_.find('$', at_), text_.size());
      add_text(text_.substr(at_, dollar - at_));
      at_ = dollar;
      if (at_ < text_.size() && !reference(problem)) return std::nullopt;
    }
    return std::move(pieces_);
  }

 private:
  void add_text(std::string_view text) {
    if (!text.empty()) pieces_.emplace_back(std::string(text));
  }

  bool reference(Message& problem) {
    const size_t begin = at_++;
    if (text_.substr(at_).starts_with('$')) {
      ++at_;
      add_text("$");
      return true;
    }
    const std::string_view name = reference_name();
    const auto number = group_of(name);
    if (number) {
      pieces_.emplace_back(*number);
      return true;
    }
    problem = {.place = {},
               .found = fmt::format("with has {}, which is no group of the pattern",
                                    quoted(text_.substr(begin, at_ - begin))),
               .expected = fmt::format("$0 to ${}, ${{name}}, or $$ for a dollar sign",
                                       pattern_.group_count()),
               .fix = {}};
    return false;
  }

  std::string_view reference_name() {
    if (text_.substr(at_).starts_with('{')) {
      const size_t end = std::min(text_.find('}', at_), text_.size());
      const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
      at_ = std::min(end + 1, text_.size());
      return name;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::optional<uint32_t> group_of(std::string_view name) const {
    for (const Pattern::Group& group : pattern_.named_groups()) {
      if (group.name == name) return group.number;
    }
    uint32_t number = 0;
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, number);
    const bool is_number = !name.empty() && parsed.ec == std::errc() && parsed.ptr == end;
    return is_number && number <= pattern_.group_count() ? std::optional(number) : std::nullopt;
  }

  std::string_view text_;
  const Pattern& pattern_;
  size_t at_ = 0;
  Replacement pieces_;
};

/// The pattern and what stands for its matches; nothing after reporting a problem.
std::optional<Settings> read_settings(const Options& options, Problems& problems) {
  Settings settings;
  Message problem;
  const bool is_fixed = options.flag("fixed");
  settings.pattern = Pattern::compile(
      options.text("pattern"), {.ignore_case = options.flag("ignore_case"), .fixed = is_fixed},
      "pattern", problem);
  if (settings.pattern == nullptr) {
    problems.add(options.line("pattern"), problem);
    return std::nullopt;
  }
  const std::string& with = options.text("with");
  if (is_fixed) {
    settings.replacement = {with};
    return settings;
  }
  auto replacement = ReplacementReader(with, *settings.pattern).read(problem);
  if (!replacement) {
    problems.add(options.line("with"), problem);
    return std::nullopt;
  }
  settings.replacement = std::move(*replacement);
  return settings;
}

void check(const Options& options, Problems& problems) {
  read_settings(options, problems);
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  auto settings = read_settings(options, binder.problems());
  const std::string& column = options.text("column");
  const int line = options.line("column");
  const auto source = binder.use(column, line, {Type::kText});
  if (!settings || !source) return nullptr;
  if (binder.schema().find(column) == nullptr) {
    binder.problem(line, {.place = {},
                          .found = "column " + quoted(column) + ", which cannot be changed",
                          .expected = "a column of the records",
                          .fix = "make a copy with derive first: columns = { file = \"$file\" }"});
    return nullptr;
  }
  settings->source = *source;
  settings->made = *binder.create(column, Type::kText, line, true);
  binder.need_offsets();
  return std::make_unique<Replace>(std::move(*settings));
}

}  // namespace

StageSpec stage_replace() {
  return {
      .name = "replace",
      .kind = StageKind::kTransform,
      .summary = "replace what a pattern matches in a text",
      .doc =
          "Replaces every match, from the left, none overlapping another. In `with`, `$0` is "
          "the whole match, `$1` or `${1}` the first group, `${name}` a named group, `$$` a "
          "dollar sign; a group that took no part is empty. A text on which matching takes too "
          "many steps is rejected. Null stays null.",
      .fields = {{.name = "pattern",
                  .kind = FieldKind::kText,
                  .doc = "PCRE2 pattern over bytes; see `grep`.",
                  .required = true},
                 {.name = "with",
                  .kind = FieldKind::kText,
                  .doc = "What stands in place of each match; empty if left out."},
                 {.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "The text column to change.",
                  .default_text = "line"},
                 {.name = "fixed",
                  .kind = FieldKind::kBool,
                  .doc = "`pattern` and `with` stand for themselves.",
                  .default_text = "false"},
                 {.name = "ignore_case",
                  .kind = FieldKind::kBool,
                  .doc = "Capital and small ASCII letters are the same.",
                  .default_text = "false"}},
      .counters = {{"changed", "texts in which something was replaced"}},
      .check = check,
      .bind = bind,
      .examples = {{.title = "Addresses are hidden; the network stays.",
                    .input = {"login from 10.0.3.17", "logout"},
                    .stage = "pattern = '(\\d+\\.\\d+)\\.\\d+\\.\\d+'\nwith = '$1.x.x'",
                    .output = {"{ line = 'login from 10.0.x.x' }", "{ line = 'logout' }"}},
                   {.title = "Texts as they are, in a column of their own.",
                    .input_format = "csv",
                    .input = {"id,price", "1,$5", "2,$$7"},
                    .stage = "column = 'price'\npattern = '$'\nwith = 'USD '\nfixed = true",
                    .output = {"{ id = 1, price = 'USD 5' }", "{ id = 2, price = 'USD USD 7' }"}}},
  };
}

}  // namespace shardmill
