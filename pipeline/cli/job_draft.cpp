#include "pipeline/cli/job_draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/base/glob.h"
#include "pipeline/plan/job.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {

namespace {

constexpr size_t kColumnsListed = 100;
constexpr size_t kNumbersComputed = 2;
constexpr size_t kCommentBytes = 40;
constexpr uint64_t kGroupsMax = 250;
constexpr uint64_t kRecordsPerGroup = 2;
constexpr uint64_t kIntGroupsMax = 20;
constexpr uint64_t kIdsMin = 100;  ///< fewer ints may differ by chance

bool is_number(const SeenColumn& column) {
  return column.type == Type::kInt || column.type == Type::kFloat;
}

/// Job files are UTF-8; a column with another name cannot be named in one, nor can one that has the
/// name of what every record has.
bool can_be_named(const SeenColumn& column) {
  const std::string& name = column.name;
  return !name.empty() && is_utf8(name) && name != "$file" && name != "$offset";
}

/// A value that can stand in an expression and be read there.
bool can_be_written(std::string_view value) {
  return !value.empty() && value.size() <= kCommentBytes && escaped(value) == value;
}

bool is_id(const SeenColumn& column) {
  const std::string name = ascii_lower(column.name);
  const bool named = name == "id" || name.ends_with("_id") || name.ends_with(".id");
  const bool all_differ = column.values >= kIdsMin && column.distinct == column.values;
  return named || (column.type == Type::kInt && all_differ);
}

bool is_mostly_null(const SeenColumn& column) {
  return column.nulls > column.values;
}

/// Few values, each of them often: worth a row each.
bool makes_groups(const SeenColumn& column) {
  const bool is_int = column.type == Type::kInt;
  if (!can_be_named(column) || is_id(column) || is_mostly_null(column)) return false;
  if (column.type == Type::kFloat || column.type == Type::kTime) return false;
  if (is_int && column.least.starts_with('-')) return false;
  return column.distinct >= 2 && column.distinct <= (is_int ? kIntGroupsMax : kGroupsMax) &&
         column.distinct * kRecordsPerGroup <= column.values;
}

/// Text before truth before whole numbers, and columns with few nulls before all others.
const SeenColumn* group_column(const SeenFiles& seen) {
  for (const uint64_t share : {10, 1}) {
    for (const Type type : {Type::kText, Type::kBool, Type::kInt}) {
      for (const SeenColumn& column : seen.columns) {
        const bool fits = column.type == type && column.nulls * share <= column.values;
        if (fits && makes_groups(column)) return &column;
      }
    }
  }
  return nullptr;
}

/// What is worth a mean.
std::vector<const SeenColumn*> number_columns(const SeenFiles& seen, const SeenColumn* by) {
  std::vector<const SeenColumn*> numbers;
  for (const SeenColumn& column : seen.columns) {
    const bool fits = is_number(column) && can_be_named(column) && !is_id(column) && &column != by;
    if (fits && column.values > 0 && numbers.size() < kNumbersComputed) numbers.push_back(&column);
  }
  return numbers;
}

const SeenColumn* first_of(const SeenFiles& seen, Type type) {
  for (const SeenColumn& column : seen.columns) {
    if (column.type == type && can_be_named(column)) return &column;
  }
  return nullptr;
}

std::string list_of(const std::vector<std::string>& items) {
  if (items.size() == 1) return "[" + toml_quoted(items[0]) + "]";
  std::string out = "[";
  for (const std::string& item : items) out += "\n  " + toml_quoted(item) + ",";
  return out + "\n]";
}

/// A text for a comment: one line, not too long.
std::string in_comment(std::string_view text) {
  const std::string whole = quoted(text, kCommentBytes);
  return whole.substr(1, whole.size() - 2);
}

std::string column_facts(const SeenColumn& column) {
  if (column.values == 0) return "no value seen";
  std::string facts;
  if (column.type == Type::kText || column.type == Type::kBool) {
    facts = with_separators(column.distinct) + " different";
    if (!column.frequent.empty()) facts += ", mostly " + quoted(column.frequent, kCommentBytes);
  } else {
    facts = in_comment(column.least) + " to " + in_comment(column.greatest);
  }
  if (column.nulls > 0) facts += ", " + counted(column.nulls, "null");
  return facts;
}

/// `lines` with "# " before each.
std::string commented(const std::string& lines) {
  std::string out;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    out += (end == at ? "#" : "# ") + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

/// A name for a new column that no column has.
std::string free_name(const SeenFiles& seen, const std::string& wanted) {
  const auto is_taken = [&](const std::string& name) {
    return std::any_of(seen.columns.begin(), seen.columns.end(),
                       [&](const SeenColumn& column) { return column.name == name; });
  };
  std::string name = wanted;
  for (int number = 2; is_taken(name); ++number) name = fmt::format("{}_{}", wanted, number);
  return name;
}

std::string keep_condition(const SeenFiles& seen) {
  const SeenColumn* by = group_column(seen);
  if (by != nullptr && by->type == Type::kText && can_be_written(by->frequent)) {
    std::string text = by->frequent;
    for (size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 2)
      text.insert(at, "'");
    return expression_column(by->name) + " == '" + text + "'";
  }
  for (const SeenColumn* column : number_columns(seen, nullptr)) {
    if (!column->middle.empty()) return expression_column(column->name) + " >= " + column->middle;
  }
  for (const SeenColumn& column : seen.columns) {
    if (can_be_named(column)) return expression_column(column.name) + " is not null";
  }
  return {};
}

std::string derived_column(const SeenFiles& seen) {
  if (const SeenColumn* time = first_of(seen, Type::kTime)) {
    return free_name(seen, "day") + " = " +
           toml_quoted("date(" + expression_column(time->name) + ")");
  }
  const auto numbers = number_columns(seen, nullptr);
  if (!numbers.empty()) {
    return free_name(seen, "rounded") + " = " +
           toml_quoted("round(" + expression_column(numbers[0]->name) + ")");
  }
  if (const SeenColumn* text = first_of(seen, Type::kText)) {
    return free_name(seen, "characters") + " = " +
           toml_quoted("len(" + expression_column(text->name) + ")");
  }
  return {};
}

class Draft {
 public:
  Draft(const SeenFiles& seen, DraftStages stages) : seen_(seen), stages_(stages) {}

  std::string text() {
    add_input();
    if (seen_.format == "lines") {
      add_line_stages();
    } else {
      add_column_stages();
    }
    add_run();
    return std::move(out_);
  }

 private:
  void add_input() {
    out_ += "name = " + toml_quoted(seen_.job_name) + "\n\n";
    out_ +=
        "# What to read: files, folders, patterns (** stands for any number of folders), from the "
        "folder\n"
        "# where the command is given. Found: " +
        seen_.files + ".\n[input]\n";
    if (seen_.files_from.empty()) {
      out_ += "paths   = " + list_of(seen_.paths) + "\n";
    } else {
      out_ += "files_from = " + toml_quoted(seen_.files_from) +
              "   # one path behind the other, a NUL byte between them\n";
    }
    out_ += "format  = " + toml_quoted(seen_.format) + "\n";
    if (!seen_.other.empty()) {
      out_ += fmt::format("# {} of other formats left out, for instance {}.\n",
                          counted(seen_.other.size(), "file"), quoted(seen_.other[0], 200));
    }
    for (const auto& [key, value] : seen_.dialect) out_ += fmt::format("{:<7} = {}\n", key, value);
    if (!seen_.exclude.empty()) out_ += "exclude = " + list_of(seen_.exclude) + "\n";
    if (seen_.format != "lines") add_columns();
    add_problems();
    out_ += '\n';
  }

  void add_columns() {
    const auto& columns = seen_.columns;
    if (columns.empty()) return;
    const auto named = std::find_if(columns.begin(), columns.end(), can_be_named);
    if (named != columns.end()) {
      out_ +=
          fmt::format("# types = {{ {} = \"{}\" }}   # for columns that are not what they seem\n",
                      toml_quoted(named->name), type_name(named->type));
    }
    out_ += fmt::format("\n# The columns, as {} them:\n",
                        seen_.records == 0 ? "the samples show"
                                           : "the first " + counted(seen_.records, "record") +
                                                 (seen_.records == 1 ? " shows" : " show"));
    size_t width = 0;
    for (const SeenColumn& column : columns)
      width = std::max(width, code_points(in_comment(column.name)));
    for (size_t i = 0; i < std::min(columns.size(), kColumnsListed); ++i) {
      const std::string name = in_comment(columns[i].name);
      const std::string gap(width - std::min(width, code_points(name)), ' ');
      out_ += fmt::format("#   {}{}  {:<5}  {}\n", name, gap, type_name(columns[i].type),
                          column_facts(columns[i]));
    }
    if (columns.size() > kColumnsListed) {
      out_ += fmt::format("#   and {} more, which \"shardmill plan\" shows\n",
                          with_separators(columns.size() - kColumnsListed));
    }
  }

  void add_problems() {
    if (seen_.bad_example.empty()) return;
    out_ += seen_.bad_records > 0
                ? fmt::format("\n# {} among these could not be read, for instance\n#   {}\n",
                              counted(seen_.bad_records, "record"), seen_.bad_example)
                : fmt::format("\n# What could not be read:\n#   {}\n", seen_.bad_example);
  }

  void add_stages_comment() {
    out_ +=
        "# Stages form one line: every record that one passes on reaches the next, and summaries "
        "pass on all.\n"
        "# \"shardmill stages\" lists them, \"shardmill stages NAME\" shows options and "
        "examples.\n\n";
  }

  void add_line_stages() {
    add_stages_comment();
    add_idea(
        "[[stage]]\nuse         = \"grep\"           # only lines in which a pattern occurs\n"
        "patterns    = ['\\berror\\b']\nignore_case = true\n");
    add_idea(
        "[[stage]]\nuse  = \"write\"                 # a copy of these lines, below output/ of the "
        "run directory\npath = " +
        toml_quoted(seen_.job_name + ".txt") + "\n");
    if (stages_ == DraftStages::kCount) return add_count();
    out_ +=
        "[[stage]]\nuse   = \"count\"                # lines and words\nwords = true\n\n"
        "[[stage]]\nuse    = \"split\"               # a record of each word\n"
        "column = \"line\"\ninto   = \"word\"\n\n"
        "[[stage]]\nuse    = \"top\"                 # the most frequent of them\n"
        "name   = \"words\"\ncolumn = \"word\"\nk      = 10\n\n";
  }

  void add_column_stages() {
    add_stages_comment();
    const std::string condition = keep_condition(seen_);
    if (!condition.empty()) {
      add_idea(
          "[[stage]]\nuse   = \"keep\"                 # only records for which this is "
          "true\nwhere = " +
          toml_quoted(condition) + "\n");
    }
    const std::string derived = derived_column(seen_);
    if (!derived.empty()) {
      add_idea(
          "[[stage]]\nuse     = \"derive\"             # a new column, for the stages after "
          "it\ncolumns = { " +
          derived + " }\n");
    }
    if (stages_ == DraftStages::kCount) {
      add_count();
    } else {
      add_summary();
    }
    const std::string extension =
        seen_.format == "jsonl" || seen_.format == "tsv" ? seen_.format : "csv";
    add_idea(
        "[[stage]]\nuse  = \"write\"                 # the records, below output/ of the run "
        "directory; .gz and .zst pack\n"
        "path = " +
        toml_quoted(seen_.job_name + "." + extension) + "\n");
  }

  void add_summary() {
    const SeenColumn* by = group_column(seen_);
    const auto numbers = number_columns(seen_, by);
    if (by == nullptr && numbers.empty()) return add_top();
    std::vector<std::string> compute = {"count()"};
    for (const SeenColumn* number : numbers) {
      const std::string name = expression_column(number->name);
      compute.push_back("mean(" + name + ")");
      compute.push_back("max(" + name + ")");
    }
    out_ += "[[stage]]\n";
    out_ += by != nullptr ? "use     = \"group\"              # a row for each different value\n"
                          : "use     = \"group\"              # all records are one group; name "
                            "columns in \"by\" for more\n";
    if (by != nullptr) out_ += "name    = " + toml_quoted("by " + by->name) + "\n";
    out_ += "by      = " + (by != nullptr ? list_of({by->name}) : std::string("[]")) + "\n";
    out_ += "compute = [";
    for (size_t i = 0; i < compute.size(); ++i)
      out_ += (i == 0 ? "" : ", ") + toml_quoted(compute[i]);
    out_ += "]\n\n";
  }

  void add_top() {
    const SeenColumn* text = first_of(seen_, Type::kText);
    if (text == nullptr) return add_count();
    out_ += "[[stage]]\nuse    = \"top\"                 # the most frequent values\ncolumn = " +
            toml_quoted(text->name) + "\nk      = 10\n\n";
  }

  void add_count() { out_ += "[[stage]]\nuse = \"count\"\n\n"; }

  void add_run() {
    out_ += commented(
        "[run]\nmemory = \"4GiB\"               # of a process; by default what the process may "
        "have\n"
        "strict = true                 # exit with 10 if a file or record was bad\n");
  }

  void add_idea(const std::string& lines) { out_ += commented(lines) + "\n"; }

  const SeenFiles& seen_;
  DraftStages stages_;
  std::string out_;
};

/// The last part of a path that no pattern is in, without its extensions.
std::string stem_of(std::string_view path) {
  std::vector<std::string> parts = path_parts(normal_path(path));
  while (parts.size() > 1 && has_glob(parts.back())) parts.pop_back();
  if (parts.empty()) return {};
  std::string name = parts.back();
  const std::string extension = format_extension(name);
  const size_t at =
      extension.empty() ? std::string::npos : ascii_lower(name).rfind("." + extension);
  if (at != std::string::npos && at > 0) name.resize(at);
  return name;
}

}  // namespace

std::string expression_column(std::string_view name) {
  constexpr std::string_view kWords[] = {"and", "or", "not", "in", "is", "null", "true", "false"};
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const bool plain =
      !name.empty() && is_letter(name[0]) && name.back() != '.' &&
      name.find("..") == std::string_view::npos &&
      std::all_of(name.begin(), name.end(),
                  [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.'; }) &&
      std::find(std::begin(kWords), std::end(kWords), ascii_lower(name)) == std::end(kWords);
  if (plain) return std::string(name);
  std::string out = "`";
  for (const char c : name) out += c == '`' ? "``" : std::string(1, c);
  return out + "`";
}

std::string job_name_of(std::string_view path) {
  const std::string stem = stem_of(path);
  std::string name;
  std::string_view rest = stem;
  while (!rest.empty()) {
    const size_t length = utf8_length(rest);
    const char c = rest[0];
    const bool is_kept =
        length > 1 ? escaped(rest.substr(0, length)) == rest.substr(0, length)
                   : length == 1 && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                     (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
    name += is_kept ? std::string(rest.substr(0, length)) : "_";
    rest.remove_prefix(std::max<size_t>(1, length));
  }
  const size_t first = name.find_first_not_of("-._");
  if (first == std::string::npos) return "job";
  return name.substr(first, name.find_last_not_of("-._") + 1 - first);
}

std::string draft_job(const SeenFiles& seen, DraftStages stages) {
  return Draft(seen, stages).text();
}

}  // namespace shardmill
