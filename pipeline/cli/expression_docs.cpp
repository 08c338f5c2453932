#include "pipeline/cli/expression_docs.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/report/text_table.h"

namespace shardmill {

namespace {

constexpr size_t kDocWidth = 80;

constexpr std::string_view kBeginning =
    R"PAGE(# Expressions

Made from the declarations that the parser uses by `shardmill expressions --markdown`; a test computes every example.

`keep` and `drop` take a condition over the columns of a record, `derive` makes new columns of expressions:

```toml
where = "status >= 500 or (ms > 1000 and path not in ['/health', '/metrics'])"
```

What values mean (nulls, overflow, NaN, time) is said once for everything in [semantics.md](semantics.md). Mistakes are found before
any record is read, with their place in the expression.

| write | for |
|---|---|
| `status`, `user.country`, `$file`, `$offset` | columns |
| `` `odd name` `` | columns whose name has blanks or signs, or is a word of the language; two backquotes inside stand for one |
| `( ... )` | what is computed first |

## Types

)PAGE";

constexpr std::string_view kEnd =
    R"(
Expressions nest up to 250 levels; a chain of `and` or of `or` is one level, however long.
)";

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  return "`" + cell(text) + "`";
}

std::string example_cell(const LanguageEntry& entry) {
  return code(entry.example) + " is " + code(entry.expected);
}

std::string types_table() {
  std::string out = "| type | written | meaning | example |\n|---|---|---|---|\n";
  for (const LanguageEntry& entry : expression_language().types) {
    out += fmt::format("| {} | {} | {} | {} |\n", cell(entry.name), code(entry.syntax),
                       cell(entry.doc), example_cell(entry));
  }
  return out;
}

std::string operators_table() {
  std::string out = "| operator | on | gives | meaning | example |\n|---|---|---|---|---|\n";
  for (const LanguageEntry& entry : expression_language().operators) {
    out += fmt::format("| {} | {} | {} | {} | {} |\n", code(entry.syntax), cell(entry.takes),
                       cell(entry.gives), cell(entry.doc), example_cell(entry));
  }
  return out;
}

std::string functions_table() {
  std::string out = "| function | gives | meaning | example |\n|---|---|---|---|\n";
  for (const LanguageEntry& entry : expression_language().functions) {
    out += fmt::format("| {} | {} | {} | {} |\n", code(entry.syntax), cell(entry.gives),
                       cell(entry.doc), example_cell(entry));
  }
  return out;
}

/// Calls `visit(entry)` for everything, in the order of the page.
template <typename Visit>
void for_each_entry(Visit&& visit) {
  const ExpressionLanguage& language = expression_language();
  for (const auto* entries : {&language.types, &language.operators, &language.functions}) {
    for (const LanguageEntry& entry : *entries) visit(entry);
  }
}

std::string first_sentence(std::string_view doc) {
  const size_t end = doc.find(". ");
  return std::string(doc.substr(0, end == std::string_view::npos ? doc.size() : end + 1));
}

/// How it is written; of a type also its name, since that is not written.
std::string heading_of(const LanguageEntry& entry) {
  const bool is_type = entry.gives.empty() && entry.name != entry.syntax;
  return is_type ? fmt::format("{}: {}", entry.name, entry.syntax) : std::string(entry.syntax);
}

std::string lines(std::string_view title, const std::vector<LanguageEntry>& entries) {
  std::string out = std::string(title) + "\n";
  for (const LanguageEntry& entry : entries) {
    out += fmt::format("  {:<30} {}\n", heading_of(entry),
                       cut_end(first_sentence(entry.doc), kDocWidth));
  }
  return out;
}

}  // namespace

std::string expressions_markdown() {
  return std::string(kBeginning) + types_table() +
         "\n## Operators\n\nFrom what binds least to what binds most:\n\n" + operators_table() +
         "\n## Functions\n\nFunctions take arguments of the types that they name.\n\n" +
         functions_table() + std::string(kEnd);
}

std::string expressions_list() {
  const ExpressionLanguage& language = expression_language();
  return lines("types", language.types) +
         lines("\noperators, from what binds least to what binds most", language.operators) +
         lines("\nfunctions", language.functions) +
         "\nshardmill expressions NAME shows all of one, with an example.\n";
}

std::string expression_page(const LanguageEntry& entry) {
  std::string out = heading_of(entry) + "\n\n" + std::string(entry.doc) + "\n\n";
  if (!entry.takes.empty()) out += "on     " + std::string(entry.takes) + "\n";
  if (!entry.gives.empty()) out += "gives  " + std::string(entry.gives) + "\n";
  return out + fmt::format("{} is {}\n", entry.example, entry.expected);
}

std::vector<const LanguageEntry*> find_expressions(std::string_view name) {
  std::vector<const LanguageEntry*> found;
  for_each_entry([&](const LanguageEntry& entry) {
    if (entry.name == name) found.push_back(&entry);
  });
  return found;
}

std::vector<std::string> expression_names() {
  std::vector<std::string> names;
  for_each_entry([&](const LanguageEntry& entry) {
    const bool is_new = std::find(names.begin(), names.end(), entry.name) == names.end();
    if (is_new) names.emplace_back(entry.name);
  });
  return names;
}

}  // namespace shardmill
