#include "inputs/support/csv_format.h"

#include <algorithm>
#include <array>
#include <set>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr std::array<std::string_view, 5> kCompressed = {".gz", ".zst", ".bz2", ".xz", ".lz4"};

bool is_tab_separated(std::string_view path) {
  std::string name = ascii_lower(path.substr(path.rfind('/') + 1));
  for (const std::string_view extension : kCompressed) {
    if (name.ends_with(extension)) {
      name.resize(name.size() - extension.size());
      break;
    }
  }
  return name.ends_with(".tsv");
}

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_line_end(std::string_view text) {
  return text == "\n" || text == "\r";
}

void check_bytes(const Options& options, Problems& problems) {
  const std::string& delimiter = options.text("delimiter");
  if (options.has("delimiter") && (delimiter.size() != 1 || is_line_end(delimiter))) {
    problems.add(options.line("delimiter"),
                 {.found = "delimiter " + quoted(delimiter),
                  .expected = "one byte other than a line end",
                  .fix = "for instance `delimiter = \";\"` or `delimiter = \"\\t\"`"});
  }
  if (!options.has("quote") || options.text("quote").empty()) return;
  const std::string& quote = options.text("quote");
  if (quote.size() != 1 || is_line_end(quote)) {
    problems.add(options.line("quote"), {.found = "quote " + quoted(quote),
                                         .expected = "one byte other than a line end, or nothing",
                                         .fix = "turn quotes off with `quote = \"\"`"});
  } else if (quote == delimiter || (delimiter.empty() && (quote == "," || quote == "\t"))) {
    problems.add(options.line("quote"), {.found = "quote " + quoted(quote),
                                         .expected = "another byte than the delimiter",
                                         .fix = "change `quote` or `delimiter`"});
  }
}

void check_columns(const Options& options, Problems& problems) {
  const std::vector<std::string>& columns = options.list("columns");
  std::set<std::string_view> seen;
  for (const std::string& column : columns) {
    if (seen.insert(column).second) continue;
    problems.add(options.line("columns"), {.found = "column " + quoted(column) + " twice",
                                           .expected = "each name once",
                                           .fix = "take one out of `columns`"});
  }
}

void check_types(const Options& options, Problems& problems) {
  const std::vector<std::string>& columns = options.list("columns");
  for (const auto& [column, type] : options.map("types")) {
    if (!type_from_name(type)) {
      problems.add(options.line("types"),
                   {.found = "type " + quoted(type) + " of column " + quoted(column),
                    .expected = "one of text, int, float, bool, time",
                    .fix = "change it in `types`"});
    }
    if (columns.empty() || contains(columns, column)) continue;
    const std::optional<std::string> near = near_match(column, columns);
    problems.add(options.line("types"),
                 {.found = "a type for column " + quoted(column),
                  .expected = "one of `columns`: " + listed(columns),
                  .fix = near ? "did you mean " + quoted(*near) + "?"
                              : "add it to `columns` or take it out of `types`"});
  }
}

}  // namespace

CsvBytes CsvFormat::bytes_of(std::string_view path) const {
  const char by_extension = is_tab_separated(path) ? '\t' : ',';
  return {.delimiter = delimiter.value_or(by_extension), .quote = quote, .has_quote = has_quote};
}

std::optional<Type> CsvFormat::type_of(std::string_view column) const {
  for (const auto& [name, type] : types) {
    if (name == column) return type;
  }
  return std::nullopt;
}

bool CsvFormat::is_null(std::string_view value) const {
  return contains(null_values, value);
}

std::vector<FieldSpec> csv_fields() {
  return {
      {.name = "delimiter",
       .kind = FieldKind::kText,
       .doc = "The byte between fields; by default a tab in .tsv files and a comma in all others."},
      {.name = "quote",
       .kind = FieldKind::kText,
       .doc = "The byte around fields that hold delimiters, newlines or quotes (doubled); empty "
              "turns quotes off, so that every newline ends a record and files are cut without "
              "confirming.",
       .default_text = "\""},
      {.name = "header",
       .kind = FieldKind::kBool,
       .doc = "Whether the first record of each file names its columns; columns are matched by "
              "name over all files.",
       .default_text = "true"},
      {.name = "columns",
       .kind = FieldKind::kTextList,
       .doc = "With a header: read only these columns, in this order. Without: the names of the "
              "fields."},
      {.name = "types",
       .kind = FieldKind::kTextMap,
       .doc = "Types of columns (text, int, float, bool, time) that overrule what is inferred from "
              "the first 1 MiB of up to 100 files; also names columns that only appear in other "
              "files."},
      {.name = "null_values",
       .kind = FieldKind::kTextList,
       .doc = "Texts that mean null, quoted or not, besides an unquoted empty field."},
  };
}

CsvFormat csv_format(const Options& options) {
  CsvFormat format;
  if (!options.text("delimiter").empty()) format.delimiter = options.text("delimiter")[0];
  if (options.has("quote")) {
    format.has_quote = !options.text("quote").empty();
    if (format.has_quote) format.quote = options.text("quote")[0];
  }
  format.header = !options.has("header") || options.flag("header");
  format.columns = options.list("columns");
  format.null_values = options.list("null_values");
  for (const auto& [column, name] : options.map("types")) {
    format.types.emplace_back(column, type_from_name(name).value_or(Type::kText));
  }
  return format;
}

void check_csv(const Options& options, Problems& problems) {
  check_bytes(options, problems);
  check_columns(options, problems);
  check_types(options, problems);
}

}  // namespace shardmill
