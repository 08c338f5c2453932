#include <fmt/format.h>

#include <array>
#include <span>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "pipeline/formats/number_fields.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/line_groups.h"
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

/// Lines of a chunk that are matched together, and what becomes of them.
struct LineBlock {
  std::span<const LineHit> hits;
  LineGroups groups;
  size_t rows = 0;                                           ///< lines that match
  std::array<LineRange, LineGroups::kLines> lines;           ///< by row
  std::array<uint32_t, LineGroups::kLines> hit_of;           ///< by row: its index in `hits`
  std::array<FieldSpan, LineGroups::kLines> fields;          ///< of the group at hand, by row
  std::vector<std::array<uint8_t, LineGroups::kLines>> bad;  ///< by column, then by row
  bool some_bad = false;                                     ///< values
  bool some_limit = false;  ///< lines on which the pattern takes too many steps
};
static_assert(kLineHits <= LineGroups::kLines && LineGroups::kLines <= kNumberFields);

class ExtractWorker final : public StageWorker {
 public:
  /// `groups`: those that a later stage reads; the others are not even looked at.
  ExtractWorker(const Settings& settings, std::vector<const GroupColumn*> groups)
      : settings_(settings), groups_(std::move(groups)), match_(*settings.pattern) {
    block_.bad.resize(groups_.size());
  }

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
        reject(batch, batch.offsets[row], source.text[row], context);
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
    for_lines_with(settings_.pattern->literal_search(), text, [&](std::span<const LineHit> hits) {
      block_.hits = hits;
      match_.find_in_lines(text, hits, block_.groups);
      const bool has_gaps = collect_rows(behind_last);
      lines.cut_lines(batch, batch.rows, {block_.lines.data(), block_.rows});
      for (size_t i = 0; i < groups_.size(); ++i) read_column(text, i, batch.rows);
      if (block_.some_bad || block_.some_limit || (has_gaps && context.is_watched())) {
        rejected += tell(batch, lines, behind_last, context);
      } else {
        behind_last = hits.back().end + 1;
      }
      batch.rows += block_.rows;
    });
    block_.rows = 0;
    if (behind_last < text.size()) show_dropped(batch, lines, {behind_last, text.size()}, context);
    context.drop(kNoMatch, line_count - batch.rows - rejected);
  }

  /// Makes rows of the lines that match. True if others lie between them, or in front of them from
  /// `begin` on.
  bool collect_rows(size_t begin) {
    block_.rows = 0;
    block_.some_bad = block_.some_limit = false;
    bool has_gaps = false;
    for (size_t i = 0; i < block_.hits.size(); ++i) {
      const LineHit& hit = block_.hits[i];
      const PatternMatch::Found found = block_.groups.found[i];
      block_.lines[block_.rows] = {.begin = hit.begin, .end = hit.end};
      block_.hit_of[block_.rows] = static_cast<uint32_t>(i);
      block_.rows += found == PatternMatch::Found::kYes ? 1 : 0;
      block_.some_limit |= found == PatternMatch::Found::kLimit;
      has_gaps |= found == PatternMatch::Found::kNo || hit.begin != begin;
      begin = hit.end + 1;
    }
    return has_gaps;
  }

  /// Reads what the block's lines have of a group into its column, from `row` on.
  void read_column(std::string_view text, size_t index, size_t row) {
    const FieldSpan* const spans = block_.groups.of(groups_[index]->group);
    FieldSpan* const fields = block_.fields.data();
    for (size_t i = 0; i < block_.rows; ++i) fields[i] = spans[block_.hit_of[i]];
    Column& column = *targets_[index];
    uint8_t* const bad = block_.bad[index].data();
    bool some_bad = false;
    if (column.type == Type::kInt && !block_.groups.some_took_no_part) {
      some_bad = parse_int_fields(text.data(), fields, block_.rows, &column.ints[row], bad) != 0;
    } else if (column.type == Type::kFloat && !block_.groups.some_took_no_part) {
      some_bad =
          parse_float_fields(text.data(), fields, block_.rows, &column.floats[row], bad) != 0;
    } else {
      some_bad = read_each(text, column, row, bad);
    }
    if (!some_bad) return;
    block_.some_bad = true;
    for (size_t i = 0; i < block_.rows; ++i) {
      if (bad[i] != 0) column.set_null(row + i);
    }
  }

  /// One by one; groups that took no part are null, and not bad.
  bool read_each(std::string_view text, Column& column, size_t row, uint8_t* bad) const {
    bool some_bad = false;
    for (size_t i = 0; i < block_.rows; ++i) {
      const FieldSpan field = block_.fields[i];
      bad[i] = 0;
      if (field.begin > field.end) {
        column.set_null(row + i);
        continue;
      }
      bad[i] =
          read_value(text.substr(field.begin, field.end - field.begin), column, row + i) ? 0 : 1;
      some_bad |= bad[i] != 0;
    }
    return some_bad;
  }

  /// Goes over the block once more, line by line, and reports what is not as it should be. Returns
  /// how many lines are rejected. `behind_last`: where the line begins that follows the last one
  /// that was not dropped.
  size_t tell(Batch& batch, const UncutLines& lines, size_t& behind_last,
              const StageContext& context) const {
    size_t rejected = 0;
    size_t row = 0;
    for (size_t i = 0; i < block_.hits.size(); ++i) {
      const LineHit& line = block_.hits[i];
      const PatternMatch::Found found = block_.groups.found[i];
      if (found == PatternMatch::Found::kNo) continue;
      show_dropped(batch, lines, {.begin = behind_last, .end = line.begin}, context);
      behind_last = line.end + 1;
      if (found == PatternMatch::Found::kYes) {
        tell_bad_values(batch, lines, row++, context);
      } else {
        reject(batch, lines.offset() + line.begin, line.content(lines.text()), context);
        ++rejected;
      }
    }
    return rejected;
  }

  /// `range`: whole lines. The row behind those of the block is written over.
  void show_dropped(Batch& batch, const UncutLines& lines, LineRange range,
                    const StageContext& context) const {
    context.show_dropped(kNoMatch, batch, lines, range, batch.rows + block_.rows);
  }

  void tell_bad_values(const Batch& batch, const UncutLines& lines, size_t row,
                       const StageContext& context) const {
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (block_.bad[i][row] == 0) continue;
      const FieldSpan field = block_.groups.of(groups_[i]->group)[block_.hit_of[row]];
      bad_value(batch, lines.offset() + block_.lines[row].begin, *groups_[i],
                lines.text().substr(field.begin, field.end - field.begin), context);
    }
  }

  void write_groups(const Batch& batch, size_t row, const StageContext& context) {
    for (size_t i = 0; i < groups_.size(); ++i) {
      const auto text = match_.group(groups_[i]->group);
      if (text && read_value(*text, *targets_[i], row)) continue;
      targets_[i]->set_null(row);
      if (text) bad_value(batch, batch.offsets[row], *groups_[i], *text, context);
    }
  }

  static void bad_value(const Batch& batch, uint64_t offset, const GroupColumn& group,
                        std::string_view text, const StageContext& context) {
    context.count(kBadValue, 1);
    context.rejects->bad_value(batch.slice->path, offset, group.name, text);
  }

  static void reject(const Batch& batch, uint64_t offset, std::string_view text,
                     const StageContext& context) {
    context.books->rejected += 1;
    context.rejects->reject(batch.slice->path, offset, text, text.size(), match_limit_reason());
  }

  const Settings& settings_;
  std::vector<const GroupColumn*> groups_;
  std::vector<Column*> targets_;
  PatternMatch match_;
  LineBlock block_;
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
