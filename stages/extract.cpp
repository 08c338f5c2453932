#include <fmt/format.h>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/line_hits.h"
#include "stages/support/new_columns.h"
#include "stages/support/regex.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kNoMatch, kNull };
enum Counter : size_t { kBadValue };

/// A named group and the column that it becomes.
struct GroupColumn {
  uint32_t group = 0;
  std::string name;
  ColumnRef column;
};

struct Settings {
  std::shared_ptr<const Pattern> pattern;
  ColumnRef source;
  std::vector<GroupColumn> groups;
};

/// Reads `text` as the column's type into `row`; false if it is not such a value.
bool read_value(std::string_view text, Column& column, size_t row) {
  switch (column.type) {
    case Type::kText:
      column.text[row] = text;
      return true;
    case Type::kInt:
      return parse_int(text, column.ints[row]);
    case Type::kFloat:
      return parse_float(text, column.floats[row]);
    case Type::kTime:
      return parse_time(text, column.ints[row]);
    case Type::kBool: {
      bool value = false;
      const bool is_good = parse_bool(text, value);
      column.bools[row] = value ? 1 : 0;
      return is_good;
    }
  }
  SHARDMILL_CHECK(false);
}

class ExtractWorker final : public StageWorker {
 public:
  /// `groups`: those that a later stage reads; the others are not even looked at.
  ExtractWorker(const Settings& settings, std::vector<const GroupColumn*> groups)
      : settings_(settings), groups_(std::move(groups)), match_(*settings.pattern) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    targets_.clear();
    for (const GroupColumn* group : groups_) {
      Column& column = batch.columns[group->column.slot];
      column.prepare(group->column.type, batch.rows + 1);
      targets_.push_back(&column);
    }
    if (batch.uncut != nullptr) {
      match_lines(batch, *batch.uncut, context);
      return next.pass(batch);
    }
    const Column& source = batch.columns[settings_.source.slot];
    batch.keep_rows([&](size_t row) {
      if (source.is_null(row)) {
        context.drop(kNull, batch, row);
        return false;
      }
      const PatternMatch::Found found = match_.find(source.text[row]);
      if (found == PatternMatch::Found::kYes) {
        write_groups(batch, row, context);
        return true;
      }
      if (found == PatternMatch::Found::kLimit) {
        reject(batch, row, source.text[row], context);
      } else {
        context.drop(kNoMatch, batch, row);
      }
      return false;
    });
    return next.pass(batch);
  }

 private:
  /// Only lines that hold the pattern's literal are looked at; those that match become the rows.
  void match_lines(Batch& batch, const UncutLines& lines, const StageContext& context) {
    const std::string_view text = lines.text();
    const size_t line_count = batch.rows;
    lines.make_room(batch, line_count + 1);
    batch.uncut = nullptr;
    batch.rows = 0;
    size_t rejected = 0;
    size_t behind_last = 0;
    const auto show_up_to = [&](size_t end) {
      context.show_dropped(kNoMatch, batch, lines, {.begin = behind_last, .end = end}, batch.rows);
    };
    for_each_line_with(settings_.pattern->literal_search(), text, [&](const LineHit& line) {
      const std::string_view content = line.content(text);
      const auto found = match_.find_with_literal(content, line.hit - line.begin);
      if (found == PatternMatch::Found::kNo) return;
      if (behind_last < line.begin) show_up_to(line.begin);
      behind_last = line.end + 1;
      lines.cut_line(batch, batch.rows, line.begin, line.end);
      if (found == PatternMatch::Found::kYes) {
        write_groups(batch, batch.rows, context);
        ++batch.rows;
      } else {
        reject(batch, batch.rows, content, context);
        ++rejected;
      }
    });
    if (behind_last < text.size()) show_up_to(text.size());
    context.drop(kNoMatch, line_count - batch.rows - rejected);
  }

  void write_groups(const Batch& batch, size_t row, const StageContext& context) {
    for (size_t i = 0; i < groups_.size(); ++i) {
      const auto text = match_.group(groups_[i]->group);
      if (text && read_value(*text, *targets_[i], row)) continue;
      targets_[i]->set_null(row);
      if (!text) continue;
      context.count(kBadValue, 1);
      context.rejects->bad_value(batch.slice->path, batch.offsets[row], groups_[i]->name, *text);
    }
  }

  static void reject(const Batch& batch, size_t row, std::string_view text,
                     const StageContext& context) {
    context.books->rejected += 1;
    context.rejects->reject(batch.slice->path, batch.offsets[row], text, text.size(),
                            match_limit_reason());
  }

  const Settings& settings_;
  std::vector<const GroupColumn*> groups_;
  std::vector<Column*> targets_;
  PatternMatch match_;
};

class Extract final : public BoundStage {
 public:
  Extract(Settings settings, const SlotPlan& slots)
      : settings_(std::move(settings)), slots_(slots) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    std::vector<const GroupColumn*> used;
    for (const GroupColumn& group : settings_.groups) {
      if (slots_.slots[group.column.slot].used) used.push_back(&group);
    }
    return std::make_unique<ExtractWorker>(settings_, std::move(used));
  }
  bool takes_uncut() const override {
    const std::string& literal = settings_.pattern->literal().text;
    return literal.size() >= kRareTextMin && is_within_lines(literal);
  }

 private:
  Settings settings_;
  const SlotPlan& slots_;
};

std::shared_ptr<const Pattern> compile(const Options& options, Problems& problems) {
  Message problem;
  auto pattern = Pattern::compile(options.text("pattern"), {}, "pattern", problem);
  if (pattern == nullptr) {
    problems.add(options.line("pattern"), problem);
    return nullptr;
  }
  if (pattern->named_groups().empty()) {
    problems.add(
        options.line("pattern"),
        {.place = {},
         .found = fmt::format("pattern {} has no named group", quoted(options.text("pattern"))),
         .expected = "one for each column to make",
         .fix = "write (?P<name>...) around what should become a column"});
    return nullptr;
  }
  return pattern;
}

std::vector<std::string> group_names(const Pattern& pattern) {
  std::vector<std::string> names;
  for (const Pattern::Group& group : pattern.named_groups()) names.push_back(group.name);
  return names;
}

void check(const Options& options, Problems& problems) {
  const auto pattern = compile(options, problems);
  if (pattern == nullptr) return;
  check_new_types(options, group_names(*pattern), "group of the pattern", problems);
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  Settings settings;
  settings.pattern = compile(options, binder.problems());
  const std::string& column = options.text("column");
  const auto source = binder.use(column, options.line("column"), {Type::kText});
  if (settings.pattern == nullptr || !source) return nullptr;
  settings.source = *source;
  if (!options.flag("keep") && binder.schema().find(column) != nullptr) binder.remove(column);
  bool is_good = true;
  for (const Pattern::Group& group : settings.pattern->named_groups()) {
    const auto made = binder.create(group.name, new_type_of(options, group.name),
                                    options.line("pattern"), options.flag("replace"));
    is_good = is_good && made;
    if (made) {
      settings.groups.push_back({.group = group.number, .name = group.name, .column = *made});
    }
  }
  if (!is_good) return nullptr;
  binder.need_offsets();
  return std::make_unique<Extract>(std::move(settings), binder.slots());
}

}  // namespace

StageSpec stage_extract() {
  return {
      .name = "extract",
      .kind = StageKind::kTransform,
      .summary = "turn the named groups of a pattern into columns",
      .doc =
          "The pattern is a PCRE2 pattern over bytes and may match anywhere in the text; the first "
          "match counts. A group that took no part in it is null. A text that is not of its "
          "group's type is null and counted. Groups that no later stage reads are not read at all. "
          "A pattern that holds a fixed text, like `status=`, is much faster than one that does "
          "not.",
      .fields = {{.name = "pattern",
                  .kind = FieldKind::kText,
                  .doc = "A pattern with at least one group (?P<name>...).",
                  .required = true},
                 {.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "The text column to match.",
                  .default_text = "line"},
                 {.name = "types",
                  .kind = FieldKind::kTextMap,
                  .doc = "Types of groups: text, int, float, bool or time; text where left out."},
                 {.name = "keep",
                  .kind = FieldKind::kBool,
                  .doc = "Keep the source column; otherwise the new columns replace it.",
                  .default_text = "false"},
                 {.name = "replace",
                  .kind = FieldKind::kBool,
                  .doc = "A group takes the place of a column of the same name.",
                  .default_text = "false"}},
      .drop_reasons = {{"no_match", "the pattern does not match"}, {"null", "the column is null"}},
      .counters = {{"bad_value", "texts that are not of their group's type, which became null"}},
      .check = check,
      .bind = bind,
      .examples =
          {{.title = "Two numbers come out of a log line; other lines go.",
            .input = {"GET /a status=500 took=3ms", "started", "GET /b status=200 took=12ms"},
            .stage = "pattern = 'status=(?P<status>\\d+) took=(?P<ms>\\d+)ms'\n"
                     "types = { status = \"int\", ms = \"float\" }",
            .output = {"{ status = 500, ms = 3.0 }", "{ status = 200, ms = 12.0 }"}},
           {.title = "The source column can stay, and a group can be missing.",
            .input = {"a=1 b=2", "a=3"},
            .stage = "pattern = 'a=(?P<a>\\d)(?: b=(?P<b>\\d))?'\nkeep = true",
            .output = {"{ line = 'a=1 b=2', a = '1', b = '2' }", "{ line = 'a=3', a = '3' }"}}},
  };
}

}  // namespace shardmill
