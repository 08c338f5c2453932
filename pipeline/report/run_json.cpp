#include "pipeline/report/description.h"
#include "pipeline/report/json_object.h"

namespace shardmill {

namespace {

std::string rank_json(const RankResult& rank, size_t number) {
  return JsonObject()
      .integer("rank", number)
      .text("host", rank.host)
      .integer("threads", rank.threads)
      .integer("units", rank.units)
      .integer("redone_units", rank.redone_units)
      .integer("disk_bytes", rank.disk_bytes)
      .integer("records", rank.records)
      .number("busy_seconds", rank.busy_seconds)
      .integer("peak_rss_bytes", rank.peak_rss_bytes)
      .str();
}

std::string output_json(const OutputResult& output) {
  return JsonObject()
      .text("path", output.path)
      .integer("bytes", output.bytes)
      .integer("records", output.records)
      .str();
}

/// The threads of one rank: the most that any rank has.
uint64_t threads_of(const RunDescription& run) {
  uint64_t most = 0;
  for (const RankResult& rank : run.ranks) most = rank.threads > most ? rank.threads : most;
  return most;
}

double per_second(uint64_t amount, double seconds) {
  return seconds > 0 ? static_cast<double>(amount) / seconds : 0;
}

}  // namespace

std::string run_json(const RunDescription& run) {
  std::vector<std::string> peaks;
  std::vector<std::string> ranks;
  for (size_t i = 0; i < run.ranks.size(); ++i) {
    peaks.push_back(std::to_string(run.ranks[i].peak_rss_bytes));
    ranks.push_back(rank_json(run.ranks[i], i));
  }
  std::vector<std::string> outputs;
  for (const OutputResult& output : run.outputs) outputs.push_back(output_json(output));
  std::vector<std::string> problems;
  for (const std::string& problem : run.books_problems) problems.push_back(json_text(problem));
  std::vector<std::string> notes;
  for (const std::string& note : run.checkpoint_notes) notes.push_back(json_text(note));
  const std::string rates =
      JsonObject()
          .number("disk_bytes_per_second", per_second(run.disk_bytes, run.seconds.work))
          .number("plain_bytes_per_second", per_second(run.plain_bytes, run.seconds.work))
          .number("records_per_second", per_second(run.records, run.seconds.work))
          .str();
  std::string out = "{\"job\": " + json_text(run.job_name);
  out += ",\n \"version\": " + json_text(run.version);
  out += ",\n \"started\": " + json_text(run.started_utc);
  out += ",\n \"seconds\": " + seconds_json(run.seconds);
  out += ",\n \"ranks\": " + std::to_string(run.ranks.size());
  out += ",\n \"threads\": " + std::to_string(threads_of(run));
  out += ",\n \"peak_rss_bytes\": " + json_array(peaks);
  out += ",\n \"memory\": " + JsonObject()
                                  .integer("bytes_per_rank", run.memory_bytes)
                                  .text("source", run.memory_source)
                                  .str();
  out += ",\n \"units\": " + std::to_string(run.units);
  out += ",\n \"attempt\": " + std::to_string(run.attempt);
  out += ",\n \"units_before\": " + std::to_string(run.units_before);
  out += ",\n \"bytes_done_again\": " + std::to_string(run.bytes_done_again);
  out += ",\n \"disk_bytes\": " + std::to_string(run.disk_bytes);
  out += ",\n \"plain_bytes\": " + std::to_string(run.plain_bytes);
  out += ",\n \"records\": " + std::to_string(run.records);
  out += ",\n \"rates\": " + rates;
  out += ",\n \"per_rank\": " + json_lines(ranks, 2);
  out += ",\n \"outputs\": " + json_lines(outputs, 2);
  out += ",\n \"books_problems\": " + json_array(problems);
  out += ",\n \"checkpoint_notes\": " + json_array(notes);
  return out + "}\n";
}

}  // namespace shardmill
