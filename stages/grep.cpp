#include <algorithm>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "stages/support/pattern_set.h"

namespace shardmill {

namespace {

using Found = PatternMatch::Found;

enum DropReason : size_t { kNoMatch, kMatch, kNull };

struct Settings {
  std::unique_ptr<const PatternSet> patterns;
  ColumnRef column;
  bool invert = false;
};

class GrepWorker final : public StageWorker {
 public:
  explicit GrepWorker(const Settings& settings) : settings_(settings), match_(*settings.patterns) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    if (batch.uncut != nullptr) {
      keep_lines(batch, *batch.uncut, context);
      return next.pass(batch);
    }
    const Column& column = batch.columns[settings_.column.slot];
    search(batch, column);
    const Found wanted = settings_.invert ? Found::kNo : Found::kYes;
    const size_t reason = settings_.invert ? kMatch : kNoMatch;
    size_t i = 0;
    batch.keep_rows([&](size_t row) {
      const Found found = found_[i++];
      if (column.is_null(row)) {
        context.drop(kNull, batch, row);
        return false;
      }
      if (found == wanted) return true;
      if (found == Found::kLimit) {
        reject(batch, context, row);
      } else {
        context.drop(reason, batch, row);
      }
      return false;
    });
    return next.pass(batch);
  }

 private:
  /// Cuts the lines that stay, and no others.
  void keep_lines(Batch& batch, const UncutLines& lines, const StageContext& context) {
    match_.find_lines(lines.text(), lines_);
    const size_t rows = batch.rows;
    lines.make_room(batch, lines_.size() + 1);
    batch.uncut = nullptr;
    batch.rows = 0;
    size_t rejected = 0;
    for (const PatternSetMatch::FoundLine& line : lines_) {
      lines.cut_line(batch, batch.rows, line.begin, line.end);
      if (line.found == Found::kYes) {
        ++batch.rows;
      } else {
        reject(batch, context, batch.rows);
        ++rejected;
      }
    }
    context.drop(kNoMatch, rows - batch.rows - rejected);
    if (context.is_watched()) show_others(batch, lines, context);
  }

  /// Shows what lies between the lines that were found.
  void show_others(Batch& batch, const UncutLines& lines, const StageContext& context) const {
    size_t begin = 0;
    for (const PatternSetMatch::FoundLine& line : lines_) {
      context.show_dropped(kNoMatch, batch, lines, {.begin = begin, .end = line.begin}, batch.rows);
      begin = line.end + 1;
    }
    const size_t end = lines.text().size();
    if (begin < end) context.show_dropped(kNoMatch, batch, lines, {begin, end}, batch.rows);
  }

  void search(const Batch& batch, const Column& column) {
    found_.resize(batch.selected());
    if (batch.selection.all && !column.has_nulls) {
      match_.find({column.text.data(), batch.rows}, found_.data());
      return;
    }
    texts_.clear();
    batch.for_each_row([&](size_t row) {
      texts_.push_back(column.is_null(row) ? std::string_view("", 0) : column.text[row]);
    });
    match_.find(texts_, found_.data());
  }

  void reject(const Batch& batch, const StageContext& context, size_t row) const {
    const std::string_view text = batch.columns[settings_.column.slot].text[row];
    context.books->rejected += 1;
    context.rejects->reject(batch.slice->path, batch.offsets[row], text, text.size(),
                            match_limit_reason());
  }

  const Settings& settings_;
  PatternSetMatch match_;
  std::vector<std::string_view> texts_;
  std::vector<Found> found_;
  std::vector<PatternSetMatch::FoundLine> lines_;
};

class Grep final : public BoundStage {
 public:
  explicit Grep(Settings settings) : settings_(std::move(settings)) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<GrepWorker>(settings_);
  }
  bool takes_uncut() const override {
    return !settings_.invert && settings_.patterns->has_one_literal();
  }

 private:
  Settings settings_;
};

Pattern::Options pattern_options(const Options& options) {
  return {.ignore_case = options.flag("ignore_case"), .fixed = options.flag("fixed")};
}

std::vector<PatternText> patterns_in_job(const Options& options) {
  std::vector<PatternText> patterns;
  for (const std::string& text : options.list("patterns")) patterns.push_back({.text = text});
  return patterns;
}

/// The lines of a file, without CR and a byte order mark; empty ones are none.
void add_patterns_of_file(std::string_view content, std::vector<PatternText>& patterns) {
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  for (size_t line = 1; !content.empty(); ++line) {
    const size_t end = std::min(content.find('\n'), content.size());
    std::string_view text = content.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (!text.empty()) patterns.push_back({.text = text, .file_line = line});
    content.remove_prefix(std::min(end + 1, content.size()));
  }
}

void check(const Options& options, Problems& problems) {
  const std::string fix = "write patterns = [\"ERROR\"]";
  const bool has_list = options.has("patterns");
  if (!has_list && !options.has("patterns_from")) {
    problems.add(options.stage_line, {.place = {},
                                      .found = "grep has neither patterns nor patterns_from",
                                      .expected = "one of them",
                                      .fix = fix});
    return;
  }
  const int line = options.line("patterns");
  const std::vector<PatternText> patterns = patterns_in_job(options);
  if (has_list && patterns.empty()) {
    problems.add(line, {.place = {},
                        .found = "patterns is an empty list",
                        .expected = "at least one pattern",
                        .fix = fix});
  }
  if (std::any_of(patterns.begin(), patterns.end(), [](const auto& p) { return p.text.empty(); })) {
    problems.add(line, {.place = {},
                        .found = "a pattern is empty, so that it occurs in every record",
                        .expected = "at least one byte",
                        .fix = "leave it out"});
  }
  PatternSet::check(patterns, pattern_options(options), line, problems);
}

/// nullptr after a problem.
std::unique_ptr<const PatternSet> compile(const Options& options, Problems& problems) {
  std::vector<PatternText> patterns = patterns_in_job(options);
  const std::string* content = options.content("patterns_from");
  if (content != nullptr) add_patterns_of_file(*content, patterns);
  const int line = options.line(content != nullptr ? "patterns_from" : "patterns");
  if (patterns.empty()) {
    problems.add(line, {.place = {},
                        .found = "patterns_from " + quoted(options.text("patterns_from")) +
                                 " has no pattern",
                        .expected = "one on each line",
                        .fix = "empty lines do not count"});
    return nullptr;
  }
  return PatternSet::compile(patterns, pattern_options(options), line, problems);
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  Settings settings = {.patterns = compile(options, binder.problems()),
                       .column = {},
                       .invert = options.flag("invert")};
  const auto column = binder.use(options.text("column"), options.line("column"), {Type::kText});
  if (settings.patterns == nullptr || !column) return nullptr;
  settings.column = *column;
  if (!options.flag("fixed")) binder.need_offsets();
  return std::make_unique<Grep>(std::move(settings));
}

}  // namespace

StageSpec stage_grep() {
  return {
      .name = "grep",
      .kind = StageKind::kFilter,
      .summary = "keep the records in which one of the patterns occurs",
      .doc =
          "Patterns are PCRE2 patterns over bytes: `.` is one byte, classes and `ignore_case` know "
          "ASCII letters only. With `fixed` they stand for themselves. Fixed texts, and patterns "
          "without special characters, are searched for all together: ten thousand take about as "
          "long as a hundred. A record on which a pattern takes too many steps is rejected. A null "
          "is dropped, with `invert` too.",
      .fields = {{.name = "patterns",
                  .kind = FieldKind::kTextList,
                  .doc = "The patterns, of which one has to occur; one text or a list."},
                 {.name = "patterns_from",
                  .kind = FieldKind::kFile,
                  .doc = "A file with one pattern on each line, in place of `patterns` or besides "
                         "them, packed (.gz, .zst, ...) or not. A CR at the end of a line is no "
                         "part of the pattern, other white space is. Empty lines count for "
                         "nothing.",
                  .content_max_field = "memory"},
                 {.name = "fixed",
                  .kind = FieldKind::kBool,
                  .doc = "The patterns are fixed texts, no special characters.",
                  .default_text = "false"},
                 {.name = "ignore_case",
                  .kind = FieldKind::kBool,
                  .doc = "ASCII letters of both cases are equal.",
                  .default_text = "false"},
                 {.name = "invert",
                  .kind = FieldKind::kBool,
                  .doc = "Keep the records in which none of the patterns occurs.",
                  .default_text = "false"},
                 {.name = "memory",
                  .kind = FieldKind::kBytes,
                  .doc = "The file of `patterns_from` may have so many bytes, unpacked. A larger "
                         "one is refused before the run starts. A rank needs about 1 KiB for each "
                         "fixed text, more for a pattern.",
                  .default_text = "16MiB",
                  .min = 1,
                  .max = 1073741824.0},
                 {.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "The text column to search.",
                  .default_text = "line"}},
      .drop_reasons = {{"no_match", "no pattern occurs in the record"},
                       {"match", "a pattern occurs in the record, and `invert` is set"},
                       {"null", "the column is null"}},
      .check = check,
      .bind = bind,
      .examples = {{.title = "Lines that hold one of two levels stay.",
                    .input = {"ERROR disk full", "INFO started", "WARN disk slow"},
                    .stage = "patterns = ['^ERROR\\b', '^WARN\\b']",
                    .output = {"{ line = 'ERROR disk full' }", "{ line = 'WARN disk slow' }"}},
                   {.title = "Fixed texts may hold any characters.",
                    .input = {"cost (net)", "cost net", "Cost (Net)"},
                    .stage = "patterns = '(net)'\nfixed = true\nignore_case = true",
                    .output = {"{ line = 'cost (net)' }", "{ line = 'Cost (Net)' }"}},
                   {.title = "The patterns may stand in a file, one on each line.",
                    .input = {"user=17 login", "user=4 login", "user=23 logout"},
                    .stage = "patterns_from = 'users.txt'",
                    .files = {{"users.txt", {"user=17 ", "", "user=23 "}}},
                    .output = {"{ line = 'user=17 login' }", "{ line = 'user=23 logout' }"}},
                   {.title = "Records of a table without the pattern in one column stay.",
                    .input_format = "csv",
                    .input = {"id,note", "1,late", "2,fine", "3,"},
                    .stage = "patterns = 'late'\ncolumn = 'note'\ninvert = true",
                    .output = {"{ id = 2, note = 'fine' }"}}},
  };
}

}  // namespace shardmill
