// Writing delimited text (RFC 4180), byte for byte the same everywhere. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace shardmill {

struct CsvDialect {
  char delimiter = ',';
  char quote = '"';
};

/// The field, quoted with doubled quotes if it holds the delimiter, a quote, CR or LF, or is empty
/// text (an unquoted empty field is null: write nothing for null).
void append_csv_text(std::string& out, std::string_view text, CsvDialect dialect);

}  // namespace shardmill
