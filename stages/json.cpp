#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "pipeline/formats/json_fields.h"
#include "stages/support/json_column.h"
#include "stages/support/new_columns.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kNotJson, kNull };
enum Counter : size_t { kBadValue, kBadJson };

/// What becomes of a text that is no JSON object.
enum class OnBad : uint8_t { kReject, kDrop, kNull };

/// A member of the object and the column that it becomes.
struct Field {
  std::string name;
  std::string path;
  ColumnRef column;
};

struct Settings {
  ColumnRef source;
  std::string source_name;
  std::vector<Field> fields;
  OnBad on_bad = OnBad::kReject;
};

/// A column to fill and the number of its path.
struct Target {
  const Field* field = nullptr;
  size_t path = 0;
};

/// The fields that a later stage reads, and their paths, each once: two columns may be of one path.
struct Wanted {
  std::vector<Target> targets;
  std::vector<std::string> paths;
};

Wanted wanted_fields(const Settings& settings, const SlotPlan& plan) {
  Wanted wanted;
  for (const Field& field : settings.fields) {
    if (!plan.slots[field.column.slot].used) continue;
    const auto at = std::find(wanted.paths.begin(), wanted.paths.end(), field.path);
    const auto path = static_cast<size_t>(at - wanted.paths.begin());
    if (at == wanted.paths.end()) wanted.paths.push_back(field.path);
    wanted.targets.push_back({.field = &field, .path = path});
  }
  return wanted;
}

class JsonWorker final : public StageWorker {
 public:
  JsonWorker(const Settings& settings, Wanted wanted)
      : settings_(settings),
        targets_(std::move(wanted.targets)),
        paths_(wanted.paths),
        fields_(paths_) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    for (const Target& target : targets_) {
      batch.columns[target.field->column.slot].prepare(target.field->column.type, batch.rows);
    }
    const Column& source = batch.columns[settings_.source.slot];
    batch.keep_rows([&](size_t row) {
      if (source.is_null(row)) return take_null(batch, row, context);
      if (const auto mistake = fields_.read(source.text[row])) {
        return take_bad(batch, row, *mistake, context);
      }
      write_values(batch, row, context);
      return true;
    });
    return next.pass(batch);
  }

 private:
  void write_values(Batch& batch, size_t row, const StageContext& context) {
    for (const Target& target : targets_) {
      Column& column = batch.columns[target.field->column.slot];
      const JsonValue* const value = fields_.value(target.path);
      if (value == nullptr || value->kind == JsonKind::kNull) {
        column.set_null(row);
      } else if (!read_json_value(*value, column, row, batch.arena)) {
        column.set_null(row);
        context.count(kBadValue, 1);
        context.rejects->bad_value(batch.slice->path, batch.offsets[row], target.field->name,
                                   value->source());
      }
    }
  }

  void write_nulls(Batch& batch, size_t row) {
    for (const Target& target : targets_) {
      batch.columns[target.field->column.slot].set_null(row);
    }
  }

  /// Whether the record stays.
  bool take_null(Batch& batch, size_t row, const StageContext& context) {
    if (settings_.on_bad == OnBad::kNull) {
      write_nulls(batch, row);
      return true;
    }
    context.drop(kNull, batch, row);
    return false;
  }

  bool take_bad(Batch& batch, size_t row, const JsonMistake& mistake, const StageContext& context) {
    switch (settings_.on_bad) {
      case OnBad::kNull:
        write_nulls(batch, row);
        context.count(kBadJson, 1);
        return true;
      case OnBad::kDrop:
        context.drop(kNotJson, batch, row);
        return false;
      case OnBad::kReject:
        break;
    }
    const std::string_view text = batch.columns[settings_.source.slot].text[row];
    context.books->rejected += 1;
    context.rejects->reject(
        batch.slice->path, batch.offsets[row], text, text.size(),
        fmt::format("JSON in column {}: {}", quoted(settings_.source_name), mistake.text("text")));
    return false;
  }

  const Settings& settings_;
  std::vector<Target> targets_;
  JsonPaths paths_;
  JsonFields fields_;
};

class Json final : public BoundStage {
 public:
  Json(Settings settings, const SlotPlan& plan) : settings_(std::move(settings)), plan_(plan) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<JsonWorker>(settings_, wanted_fields(settings_, plan_));
  }

 private:
  Settings settings_;
  const SlotPlan& plan_;
};

/// "path", or "name = path".
Field field_of(std::string_view text) {
  constexpr std::string_view kEquals = " = ";
  const size_t equals = text.find(kEquals);
  if (equals == std::string_view::npos) {
    return {.name = std::string(text), .path = std::string(text), .column = {}};
  }
  return {.name = std::string(trimmed(text.substr(0, equals))),
          .path = std::string(trimmed(text.substr(equals + kEquals.size()))),
          .column = {}};
}

std::vector<std::string> check_fields(const Options& options, Problems& problems) {
  const int line = options.line("fields");
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const std::string& text : options.list("fields")) {
    const Field field = field_of(text);
    if (field.name.empty() || field.path.empty() || field.name.front() == '$') {
      problems.add(line,
                   {.place = {},
                    .found = "field " + quoted(text),
                    .expected = "\"path\" or \"name = path\", the name without $ at its start",
                    .fix = {}});
    } else if (!seen.insert(field.name).second) {
      problems.add(line, {.place = {},
                          .found = "column " + quoted(field.name) + " is made twice",
                          .expected = "every name once",
                          .fix = "give one of them another name: \"name = path\""});
    }
    names.push_back(field.name);
  }
  if (names.empty()) {
    problems.add(line, {.place = {},
                        .found = "fields is an empty list",
                        .expected = "at least one field",
                        .fix = "write fields = [\"user.id\"]"});
  }
  return names;
}

/// Every entry of `types` must name a new column and a type.
void check(const Options& options, Problems& problems) {
  const std::vector<std::string> names = check_fields(options, problems);
  check_new_types(options, names, "column of fields", problems);
}

OnBad on_bad_of(const std::string& text) {
  if (text == "drop") return OnBad::kDrop;
  return text == "null" ? OnBad::kNull : OnBad::kReject;
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  const std::string& column = options.text("column");
  const auto source = binder.use(column, options.line("column"), {Type::kText});
  if (!source) return nullptr;
  Settings settings = {.source = *source,
                       .source_name = column,
                       .fields = {},
                       .on_bad = on_bad_of(options.text("on_bad"))};
  if (!options.flag("keep") && binder.schema().find(column) != nullptr) binder.remove(column);
  bool is_good = true;
  for (const std::string& text : options.list("fields")) {
    Field field = field_of(text);
    const auto made = binder.create(field.name, new_type_of(options, field.name),
                                    options.line("fields"), options.flag("replace"));
    is_good = is_good && made;
    if (!made) continue;
    field.column = *made;
    settings.fields.push_back(std::move(field));
  }
  if (!is_good) return nullptr;
  binder.need_offsets();
  return std::make_unique<Json>(std::move(settings), binder.slots());
}

}  // namespace

StageSpec stage_json() {
  return {
      .name = "json",
      .kind = StageKind::kTransform,
      .summary = "turn fields of a column of JSON objects into columns",
      .doc =
          "A field is the path of a member, with dots through nested objects: `user.country`; a "
          "key "
          "that holds dots itself fits too. `name = path` gives the column another name. Every "
          "text "
          "is checked whole (RFC 8259, UTF-8), whatever is used of it. Of equal keys the last "
          "counts. What is missing or null is null; a value that is not of its column's type is "
          "null and counted. A text column takes strings unescaped, and of all else the JSON text "
          "as it stands: numbers keep their digits, arrays and objects can go through another "
          "`json` stage. A time is a string in ISO 8601, an int a number without fraction and "
          "exponent, within 64 bits. For files of JSON lines use the format `jsonl`, which is "
          "faster and finds fields and types by itself.",
      .fields = {{.name = "fields",
                  .kind = FieldKind::kTextList,
                  .doc = "Paths of members, or `name = path`; one column each, in this order.",
                  .required = true},
                 {.name = "types",
                  .kind = FieldKind::kTextMap,
                  .doc =
                      "Types of the new columns: text, int, float, bool or time; text where left "
                      "out."},
                 {.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "The text column that holds the JSON.",
                  .default_text = "line"},
                 {.name = "on_bad",
                  .kind = FieldKind::kChoice,
                  .doc =
                      "What becomes of a text that is no JSON object: the record is rejected, with "
                      "the byte where the text goes wrong; or dropped and counted; or kept with "
                      "nulls, as are those whose text is null.",
                  .default_text = "reject",
                  .choices = {"reject", "drop", "null"}},
                 {.name = "keep",
                  .kind = FieldKind::kBool,
                  .doc = "Keep the source column; otherwise the new columns replace it.",
                  .default_text = "false"},
                 {.name = "replace",
                  .kind = FieldKind::kBool,
                  .doc = "A new column takes the place of a column of the same name.",
                  .default_text = "false"}},
      .drop_reasons = {{"not_json", "the text is no JSON object, and `on_bad` is \"drop\""},
                       {"null", "the column is null"}},
      .counters = {{"bad_value", "values that are not of their column's type, which became null"},
                   {"bad_json",
                    "texts that are no JSON object, kept because `on_bad` is \"null\""}},
      .check = check,
      .bind = bind,
      .examples = {{.title = "Members of nested objects become columns in place of the text.",
                    .input = {R"({"id": 7, "user": {"name": "Ann", "country": "IT"}, "took": 1.5})",
                              R"({"id": 8, "user": {"name": "Bo\u00e9"}, "id": 9})"},
                    .stage = "fields = ['id', 'user.name', 'country = user.country', 'took']\n"
                             "types = { id = 'int', took = 'float' }",
                    .output = {"{ id = 7, 'user.name' = 'Ann', country = 'IT', took = 1.5 }",
                               "{ id = 9, 'user.name' = 'Boé' }"}},
                   {.title = "A column of a table holds the JSON; what is none is dropped.",
                    .input_format = "csv",
                    .input = {"at,event", R"(1,"{""kind"": ""open"", ""tags"": [1, 2]}")",
                              "2,restart", R"(3,"{""kind"": ""close""}")"},
                    .stage = "column = 'event'\nfields = ['kind', 'tags']\non_bad = 'drop'",
                    .output = {"{ at = 1, kind = 'open', tags = '[1, 2]' }",
                               "{ at = 3, kind = 'close' }"}}},
  };
}

}  // namespace shardmill
