#include "pipeline/formats/csv_text.h"

namespace shardmill {

void append_csv_text(std::string& out, std::string_view text, CsvDialect dialect) {
  const char special[] = {dialect.delimiter, dialect.quote, '\r', '\n'};
  const bool plain = !text.empty() && text.find_first_of(std::string_view(
                                          special, sizeof special)) == std::string_view::npos;
  if (plain) {
    out += text;
    return;
  }
  out += dialect.quote;
  for (const char c : text) {
    if (c == dialect.quote) out += c;
    out += c;
  }
  out += dialect.quote;
}

}  // namespace shardmill
