#include "pipeline/report/files_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr std::string_view kFileColumns =
    "path\tsize_bytes\tdisk_bytes\tplain_bytes\trecords\trejected\tbad_values\tlost_bytes\t"
    "units\tseconds\toutcome\treason";

bool add_line(std::string_view line, FileSums& sums) {
  const std::string_view path = take_until(line, '\t');
  uint64_t counts[8] = {};  // size, disk, plain, records, rejected, bad values, lost, units
  for (uint64_t& count : counts) {
    if (!parse_count(take_until(line, '\t'), count)) return false;
  }
  take_until(line, '\t');  // seconds
  const std::string_view outcome = take_until(line, '\t');
  if (path.empty() || outcome.empty() || counts[6] > counts[0]) return false;
  sums.files += 1;
  sums.size_bytes += counts[0];
  sums.disk_bytes += counts[1];
  sums.plain_bytes += counts[2];
  sums.records += counts[3];
  sums.rejected += counts[4];
  sums.bad_files += outcome == "bad" || outcome == "partly read" ? 1 : 0;
  sums.lines.push_back({.path = std::string(path),
                        .size_bytes = counts[0],
                        .records = counts[3],
                        .rejected = counts[4],
                        .outcome = std::string(outcome)});
  return true;
}

Status wrong(uint64_t line_number, std::string found, std::string expected) {
  return Status::failed(Message{
      .place = fmt::format("files.tsv, line {}", line_number),
      .found = std::move(found),
      .expected = std::move(expected),
      .fix = {}}.text());
}

}  // namespace

std::string_view take_until(std::string_view& text, char end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

bool parse_count(std::string_view text, uint64_t& value) {
  value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

Result<FileSums> sum_files_tsv(std::string_view text) {
  FileSums sums;
  uint64_t line_number = 1;
  if (take_until(text, '\n') != kFileColumns) {
    return wrong(1, "other columns", "path, size_bytes and so on");
  }
  while (!text.empty()) {
    ++line_number;
    const bool ended = text.find('\n') != std::string_view::npos;
    const std::string_view line = take_until(text, '\n');
    if (ended && add_line(line, sums)) continue;
    return wrong(line_number, quoted(line), "the books of a file in 12 fields");
  }
  return sums;
}

}  // namespace shardmill
