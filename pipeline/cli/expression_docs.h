// The expression language for people: docs/expressions.md and `shardmill expressions`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/expression_language.h"

namespace shardmill {

/// The page docs/expressions.md.
std::string expressions_markdown();
/// All that there is, a line each.
std::string expressions_list();
/// One entry with its example.
std::string expression_page(const LanguageEntry& entry);

/// All of that name: "int" is a type and a function. "-" is the operator between two expressions.
std::vector<const LanguageEntry*> find_expressions(std::string_view name);
/// Types, operators and functions, in the order of the page, each name once.
std::vector<std::string> expression_names();

}  // namespace shardmill
