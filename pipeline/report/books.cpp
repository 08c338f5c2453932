// The books file by file, and the records that were rejected.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "pipeline/base/message.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/description.h"
#include "pipeline/report/json_object.h"

namespace shardmill {

namespace {

// There may be millions of files; a format of many fields takes 0.5 us for each.
void append_digits(std::string& out, uint64_t value) {
  const fmt::format_int digits(value);
  out.append(digits.data(), digits.size());
}

/// Seconds with six places.
void append_microseconds(std::string& out, double seconds) {
  constexpr uint64_t kMillion = 1'000'000;
  constexpr double kMost = 1e12;
  const auto all =
      static_cast<uint64_t>(seconds > 0 ? std::min(seconds, kMost) * kMillion + 0.5 : 0);
  append_digits(out, all / kMillion);
  const size_t point = out.size();
  append_digits(out, kMillion + all % kMillion);
  out[point] = '.';
}

}  // namespace

bool is_bad_file(const FileResult& file) {
  return file.outcome == "bad" || file.outcome == "partly read";
}

std::string files_tsv(const RunDescription& run) {
  std::string out =
      "path\tsize_bytes\tdisk_bytes\tplain_bytes\trecords\trejected\tbad_values\tlost_bytes\t"
      "units\tseconds\toutcome\treason\n";
  constexpr size_t kNumbersBytes = 64;  // of most files
  size_t bytes = out.size();
  for (const FileResult& file : run.files) bytes += file.path.size() + kNumbersBytes;
  out.reserve(bytes);
  for (const FileResult& file : run.files) {
    out += escaped(file.path);
    for (const uint64_t value : {file.size_bytes, file.disk_bytes, file.plain_bytes, file.records,
                                 file.rejected, file.bad_values, file.lost_bytes, file.units}) {
      out += '\t';
      append_digits(out, value);
    }
    out += '\t';
    append_microseconds(out, file.seconds);
    for (const std::string& text : {file.outcome, printable(file.reason)}) {
      out += '\t';
      out += text;
    }
    out += '\n';
  }
  return out;
}

std::string bad_records_jsonl(const RunDescription& run) {
  std::string out;
  for (const BadRecord& bad : run.bad_records_kept) {
    JsonObject line;
    line.text("file", bad.path)
        .integer("offset", bad.offset)
        .json("record", bad.record_number == 0 ? "null" : std::to_string(bad.record_number))
        .text("reason", bad.reason)
        .integer("record_bytes", bad.record_bytes)
        .text("bytes", bad.bytes);
    if (bad.bytes.size() < bad.record_bytes) line.json("cut", "true");
    if (bad.by_stage) line.json("by_stage", "true");
    out += line.str() + '\n';
  }
  return out;
}

}  // namespace shardmill
