// Joins records with a small table.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "stages/support/lookup_table.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kNoMatch, kMatch };
enum Counter : size_t { kUnmatched };

/// Which records stay.
enum class Keep : uint8_t { kAll, kMatches, kOthers };

/// A column of the table that records get.
struct Added {
  size_t from = 0;  ///< in LookupTable::columns()
  ColumnRef to;
};

struct Settings {
  std::unique_ptr<const LookupTable> table;
  std::vector<ColumnRef> keys;
  std::vector<Added> added;
  Keep keep = Keep::kAll;
};

template <typename T>
void copy_matches(const Column& from, const std::vector<T>& values,
                  const std::vector<uint32_t>& matches, const Batch& batch, Column& to,
                  std::vector<T>& to_values) {
  batch.for_each_row([&](size_t row) {
    const uint32_t match = matches[row];
    if (match == LookupTable::kNone || from.is_null(match)) {
      to.set_null(row);
    } else {
      to_values[row] = values[match];
    }
  });
}

/// The table's values for the selected rows; null where there is no match.
void fill_column(const Column& from, const std::vector<uint32_t>& matches, const Batch& batch,
                 Column& to) {
  to.prepare(from.type, batch.rows);
  switch (from.type) {
    case Type::kText:
      return copy_matches(from, from.text, matches, batch, to, to.text);
    case Type::kInt:
    case Type::kTime:
      return copy_matches(from, from.ints, matches, batch, to, to.ints);
    case Type::kFloat:
      return copy_matches(from, from.floats, matches, batch, to, to.floats);
    case Type::kBool:
      return copy_matches(from, from.bools, matches, batch, to, to.bools);
  }
}

class LookupWorker final : public StageWorker {
 public:
  /// `added`: the columns that a later stage reads.
  LookupWorker(const Settings& settings, std::vector<Added> added)
      : settings_(settings), added_(std::move(added)), keys_(settings.keys.size()) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    for (size_t i = 0; i < keys_.size(); ++i) keys_[i] = &batch.columns[settings_.keys[i].slot];
    settings_.table->find(keys_, batch, scratch_, matches_);
    if (settings_.keep == Keep::kAll) {
      count_unmatched(batch, context);
    } else {
      drop_rows(batch, context);
    }
    for (const Added& added : added_) {
      fill_column(settings_.table->columns()[added.from].values, matches_, batch,
                  batch.columns[added.to.slot]);
    }
    return next.pass(batch);
  }

 private:
  void count_unmatched(const Batch& batch, const StageContext& context) const {
    uint64_t unmatched = 0;
    batch.for_each_row([&](size_t row) { unmatched += matches_[row] == LookupTable::kNone; });
    context.count(kUnmatched, unmatched);
  }

  void drop_rows(Batch& batch, const StageContext& context) const {
    const bool wants_match = settings_.keep == Keep::kMatches;
    batch.keep_rows([&](size_t row) {
      if ((matches_[row] != LookupTable::kNone) == wants_match) return true;
      context.drop(wants_match ? kNoMatch : kMatch, batch, row);
      return false;
    });
  }

  const Settings& settings_;
  const std::vector<Added> added_;
  std::vector<const Column*> keys_;
  LookupKeys scratch_;
  std::vector<uint32_t> matches_;  ///< by row of the batch
};

class Lookup final : public BoundStage {
 public:
  Lookup(Settings settings, const SlotPlan& plan) : settings_(std::move(settings)), plan_(plan) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    std::vector<Added> used;
    for (const Added& added : settings_.added) {
      if (plan_.slots[added.to.slot].used) used.push_back(added);
    }
    return std::make_unique<LookupWorker>(settings_, std::move(used));
  }

 private:
  Settings settings_;
  const SlotPlan& plan_;
};

/// "name", or "left = right".
struct Pair {
  std::string left;
  std::string right;
};

constexpr std::string_view kLines = "lines";
constexpr std::string_view kLinesColumn = "line";

/// `right`: what a name alone stands for in the table; empty: the same name.
Pair pair_of(std::string_view text, std::string_view right) {
  constexpr std::string_view kEquals = " = ";
  const size_t equals = text.find(kEquals);
  if (equals == std::string_view::npos) {
    return {std::string(text), std::string(right.empty() ? text : right)};
  }
  return {std::string(trimmed(text.substr(0, equals))),
          std::string(trimmed(text.substr(equals + kEquals.size())))};
}

std::vector<Pair> pairs_of(const Options& options, std::string_view field,
                           std::string_view right = {}) {
  std::vector<Pair> pairs;
  for (const std::string& text : options.list(field)) pairs.push_back(pair_of(text, right));
  return pairs;
}

Keep keep_of(const Options& options) {
  if (options.text("keep") == "matches") return Keep::kMatches;
  return options.text("keep") == "others" ? Keep::kOthers : Keep::kAll;
}

/// By the path's extension, without that of a compression; "" if that says nothing.
std::string format_of_path(std::string_view path) {
  std::string name = ascii_lower(path);
  for (const std::string_view packed : {".gz", ".zst", ".bz2", ".xz", ".lz4"}) {
    if (name.ends_with(packed)) {
      name.resize(name.size() - packed.size());
      break;
    }
  }
  constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
      {".csv", "csv"},      {".tsv", "tsv"},         {".jsonl", "jsonl"},
      {".ndjson", "jsonl"}, {".jsonlines", "jsonl"}, {".txt", kLines}};
  for (const auto& [extension, format] : kFormats) {
    if (name.ends_with(extension)) return std::string(format);
  }
  return {};
}

std::string format_of(const Options& options) {
  if (options.has("format")) return options.text("format");
  return options.has("path") ? format_of_path(options.text("path")) : "csv";
}

/// What `on` compares.
std::vector<Pair> key_pairs(const Options& options) {
  return pairs_of(options, "on", format_of(options) == kLines ? kLinesColumn : "");
}

void check_source(const Options& options, Problems& problems) {
  const bool both = options.has("path") && options.has("table");
  if (both || (!options.has("path") && !options.has("table"))) {
    problems.add(options.line("path"),
                 {.found = both ? "both path and table" : "neither path nor table",
                  .expected = "one of them",
                  .fix = "path names a file of the table, table holds its text"});
  } else if (format_of(options).empty()) {
    problems.add(options.line("path"),
                 {.found = "path " + quoted(options.text("path")),
                  .expected = "a name that ends in .csv, .tsv, .jsonl or .txt, packed or not",
                  .fix = "name the table's format: format = \"csv\""});
  }
}

void check_pairs(const Options& options, std::string_view field, Problems& problems) {
  for (const Pair& pair : pairs_of(options, field)) {
    if (!pair.left.empty() && !pair.right.empty()) continue;
    problems.add(options.line(field), {.found = std::string(field) + " has an empty name",
                                       .expected = "the names of columns",
                                       .fix = "write \"name\" or \"name = column of the table\""});
  }
}

void check_delimiter(const Options& options, Problems& problems) {
  if (!options.has("delimiter")) return;
  const std::string& delimiter = options.text("delimiter");
  if (format_of(options) != "csv") {
    problems.add(options.line("delimiter"), {.found = "a delimiter for " + format_of(options),
                                             .expected = "none",
                                             .fix = "leave it out, or set format = \"csv\""});
  } else if (delimiter.size() != 1 || delimiter.find_first_of("\n\r\"") == 0) {
    problems.add(options.line("delimiter"),
                 {.found = "delimiter " + quoted(delimiter),
                  .expected = "one byte other than a line end or a quote",
                  .fix = "for instance delimiter = \";\""});
  }
}

void check_names(const Options& options, Problems& problems) {
  const std::vector<std::string>& names = options.list("names");
  const std::string format = format_of(options);
  if (options.has("names") && (format == "jsonl" || format == kLines)) {
    problems.add(options.line("names"), {.found = "names for " + format,
                                         .expected = "none",
                                         .fix = "leave them out, or set format = \"csv\""});
  }
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) == name) continue;
    problems.add(options.line("names"), {.found = "column " + quoted(*name) + " twice",
                                         .expected = "each name once",
                                         .fix = "give it another name in names"});
  }
}

void check(const Options& options, Problems& problems) {
  check_source(options, problems);
  check_names(options, problems);
  check_delimiter(options, problems);
  check_pairs(options, "on", problems);
  check_pairs(options, "columns", problems);
  if (options.list("on").empty()) {
    problems.add(options.line("on"), {.found = "on is an empty list",
                                      .expected = "the columns to compare",
                                      .fix = "write on = [\"id\"]"});
  }
  if (keep_of(options) == Keep::kOthers && !options.list("columns").empty()) {
    problems.add(options.line("columns"), {.found = "columns for records without a match",
                                           .expected = "none with keep = \"others\"",
                                           .fix = "leave columns out"});
  }
  for (const auto& [name, type] : options.map("types")) {
    if (type_from_name(type)) continue;
    problems.add(options.line("types"), {.found = "type " + quoted(type) + " of " + quoted(name),
                                         .expected = "text, int, float, bool or time",
                                         .fix = {}});
  }
}

/// What `columns` says; unset: all columns of the table that are no key.
std::optional<std::vector<std::string>> wanted_columns(const Options& options) {
  std::vector<std::string> names;
  if (keep_of(options) == Keep::kOthers) return names;
  if (!options.has("columns")) return std::nullopt;
  for (const Pair& pair : pairs_of(options, "columns")) names.push_back(pair.right);
  return names;
}

LookupSource source_of(const Options& options, std::vector<LookupSource::Key> keys) {
  const bool is_file = options.has("path");
  LookupSource source = {.content = is_file ? options.content("path") : &options.text("table"),
                         .name = is_file ? "table " + quoted(options.text("path")) : "the table",
                         .format = format_of(options),
                         .delimiter = options.text("delimiter"),
                         .names = options.list("names"),
                         .keys = std::move(keys),
                         .columns = wanted_columns(options),
                         .first_of_duplicates = options.text("duplicates") == "first",
                         .memory_bytes_max = static_cast<uint64_t>(options.integer("memory"))};
  for (const auto& [name, type] : options.map("types")) {
    source.types.emplace_back(name, type_from_name(type).value_or(Type::kText));
  }
  return source;
}

/// The columns that records get, made; false after a problem.
bool make_columns(const Options& options, Binder& binder, Settings& settings) {
  const std::vector<Pair> named = pairs_of(options, "columns");
  const int line = options.line("columns");
  for (size_t i = 0; i < settings.table->columns().size(); ++i) {
    const LookupTable::NamedColumn& column = settings.table->columns()[i];
    const std::string& name = i < named.size() ? named[i].left : column.name;
    const auto made = binder.create(name, column.values.type, line, options.flag("replace"));
    if (!made) return false;
    settings.added.push_back({.from = i, .to = *made});
  }
  return true;
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  Settings settings = {.keep = keep_of(options)};
  std::vector<LookupSource::Key> keys;
  bool is_good = true;
  for (const Pair& pair : key_pairs(options)) {
    const auto column = binder.use(pair.left, options.line("on"));
    is_good = is_good && column;
    if (!column) continue;
    settings.keys.push_back(*column);
    keys.push_back({.column = pair.right, .type = column->type});
  }
  if (!is_good) return nullptr;
  Message problem;
  settings.table = LookupTable::read(source_of(options, std::move(keys)), problem);
  if (settings.table == nullptr) {
    binder.problem(options.line(options.has("path") ? "path" : "table"), std::move(problem));
    return nullptr;
  }
  if (!make_columns(options, binder, settings)) return nullptr;
  return std::make_unique<Lookup>(std::move(settings), binder.slots());
}

std::vector<FieldSpec> fields() {
  return {
      {.name = "path",
       .kind = FieldKind::kFile,
       .doc = "The file of the table, packed (.gz, .zst, ...) or not. Read once when the run "
              "starts, by the first rank.",
       .content_max_field = "memory"},
      {.name = "table",
       .kind = FieldKind::kText,
       .doc = "The text of the table itself instead of `path`, for a few lines in the job file."},
      {.name = "format",
       .kind = FieldKind::kChoice,
       .doc = "Of the table; by default what the extension of `path` says (lines for .txt), csv "
              "for `table`. The first line of csv and tsv names the columns; lines is one key a "
              "line, in the column `line`.",
       .choices = {"csv", "tsv", "jsonl", "lines"}},
      {.name = "delimiter",
       .kind = FieldKind::kText,
       .doc = "The byte between the fields of a csv table, if it is no comma."},
      {.name = "names",
       .kind = FieldKind::kTextList,
       .doc = "The columns of a csv or tsv table, in order, if its first line does not name them."},
      {.name = "on",
       .kind = FieldKind::kTextList,
       .doc = "Columns to compare: `name` where records and table have the same name, or the "
              "table is lines, else `records' column = table's column`. All must be equal.",
       .required = true},
      {.name = "columns",
       .kind = FieldKind::kTextList,
       .doc = "Columns of the table that records get, as `name` or `new name = table's column`; by "
              "default all that are not in `on`. An empty list adds none."},
      {.name = "keep",
       .kind = FieldKind::kChoice,
       .doc = "`all` records, with nulls where the table has no such key; only `matches`; or only "
              "the `others`, which the table does not have.",
       .default_text = "all",
       .choices = {"all", "matches", "others"}},
      {.name = "duplicates",
       .kind = FieldKind::kChoice,
       .doc = "What becomes of a key that the table has twice with different values: an `error` "
              "that names the lines, or the `first` row counts. Rows that give records the same "
              "values may come as often as they like.",
       .default_text = "error",
       .choices = {"error", "first"}},
      {.name = "types",
       .kind = FieldKind::kTextMap,
       .doc = "Types of the table's columns (text, int, float, bool, time) instead of what all "
              "their values show. Keys always have the type of the records' column."},
      {.name = "replace",
       .kind = FieldKind::kBool,
       .doc = "A new column takes the place of a column of the same name.",
       .default_text = "false"},
      {.name = "memory",
       .kind = FieldKind::kBytes,
       .doc = "The table may have so many bytes, unpacked, and take as many in the memory of each "
              "rank. A larger one is refused before the run starts.",
       .default_text = "64MiB",
       .min = 1024,
       .max = 17179869184.0},
  };
}

std::vector<StageExample> examples() {
  return {
      {.title = "Countries for codes; a code that the table does not have gives null.",
       .input_format = "csv",
       .input = {"code,people", "47,5", "46,10", "99,1"},
       .stage = "path = 'countries.csv'\non = 'code'",
       .files = {{"countries.csv", {"code,country", "46,Sweden", "47,Norway"}}},
       .output = {"{ code = 47, people = 5, country = 'Norway' }",
                  "{ code = 46, people = 10, country = 'Sweden' }", "{ code = 99, people = 1 }"}},
      {.title = "Only records of the users in a list, one a line.",
       .input_format = "csv",
       .input = {"id,user", "1,ann", "2,bob", "3,eve", "4,ann"},
       .stage = "path = 'users.txt'\non = 'user'\nkeep = 'matches'",
       .files = {{"users.txt", {"ann", "eve"}}},
       .output = {"{ id = 1, user = 'ann' }", "{ id = 3, user = 'eve' }",
                  "{ id = 4, user = 'ann' }"}},
      {.title = "All records but those of a table, by two columns of other names there.",
       .input_format = "jsonl",
       .input = {R"({"host": "a", "port": 80})", R"({"host": "a", "port": 22})",
                 R"({"host": "b", "port": 80})", R"({"port": 80})"},
       .stage = "path = 'known.jsonl'\non = ['host = name', 'port = service.port']\n"
                "keep = 'others'",
       .files = {{"known.jsonl",
                  {R"({"name": "a", "service": {"port": 80}})",
                   R"({"name": "b", "service": {"port": 22}})"}}},
       .output = {"{ host = 'a', port = 22 }", "{ host = 'b', port = 80 }", "{ port = 80 }"}},
      {.title = "One column under a new name, from a table in the job file; the first of two rows "
                "counts.",
       .input_format = "csv",
       .input = {"id,ms", "1,20", "2,30"},
       .stage = "on = 'id'\ncolumns = 'owner = name'\nduplicates = 'first'\n"
                "table = '''\nid,name,since\n1,Ann,2020-01-01\n1,Al,2021-01-01\n2,Bo,\n'''",
       .output = {"{ id = 1, ms = 20, owner = 'Ann' }", "{ id = 2, ms = 30, owner = 'Bo' }"}},
  };
}

}  // namespace

StageSpec stage_lookup() {
  return {
      .name = "lookup",
      .kind = StageKind::kTransform,
      .summary = "join a small table: add its columns, or keep only matches",
      .doc =
          "The whole table is held in memory on every rank. It is read once when the run starts, "
          "so that a file that changes meanwhile changes nothing. A record gets the values of one "
          "row at most: there are never more records than before. Keys are compared by value with "
          "the types that the records have: the table's keys are read as those, so that `7` and "
          "`007` are equal as ints and differ as text; -0 equals 0. Null equals nothing: such a "
          "record has no match. Every record of the table must be sound, and every value of its "
          "column's type; otherwise the job is refused with the table's line. What is known of "
          "whole "
          "files is joined by their path: `on = \"$file = path\"`.",
      .fields = fields(),
      .drop_reasons = {{"no_match", "the table has no such key, and `keep` is \"matches\""},
                       {"match", "the table has the key, and `keep` is \"others\""}},
      .counters = {{"unmatched", "records that passed without a match, as `keep` is \"all\""}},
      .check = check,
      .bind = bind,
      .examples = examples(),
  };
}

}  // namespace shardmill
