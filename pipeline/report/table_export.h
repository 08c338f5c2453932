// A table of a finished run in other forms, with all rows that it has. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/report/results_read.h"

namespace shardmill {

/// A header and a line for each row, RFC 4180. Null is an unquoted empty field, empty text a quoted
/// one; floats have the fewest digits that read back as the same.
std::string table_csv(const ReadTable& table);
/// A table as GitHub and others show it. Values are those of report.txt; characters that Markdown
/// or HTML would take for marks are escaped.
std::string table_markdown(const ReadTable& table);
/// `text` as one line of Markdown that shows it as it is.
std::string markdown_text(std::string_view text);
/// As in results.json.
std::string table_as_json(const ReadTable& table);
/// Aligned columns, as wide as they need to be.
std::string table_text(const ReadTable& table);

}  // namespace shardmill
