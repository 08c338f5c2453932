// The books file by file, and the records that were rejected.
#include <fmt/format.h>

#include "pipeline/base/message.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/description.h"
#include "pipeline/report/json_object.h"

namespace shardmill {

bool is_bad_file(const FileResult& file) {
  return file.outcome == "bad" || file.outcome == "partly read";
}

std::string files_tsv(const RunDescription& run) {
  std::string out =
      "path\tsize_bytes\tdisk_bytes\tplain_bytes\trecords\trejected\tbad_values\tlost_bytes\t"
      "units\tseconds\toutcome\treason\n";
  for (const FileResult& file : run.files) {
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.6f}\t{}\t{}\n", escaped(file.path),
                       file.size_bytes, file.disk_bytes, file.plain_bytes, file.records,
                       file.rejected, file.bad_values, file.lost_bytes, file.units, file.seconds,
                       file.outcome, printable(file.reason));
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
