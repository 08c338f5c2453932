#include <algorithm>

#include "pipeline/formats/json_text.h"
#include "pipeline/report/description.h"
#include "pipeline/report/json_object.h"

namespace shardmill {

namespace {

std::string spent_json(const WorkSeconds& spent) {
  std::vector<std::string> stages;
  for (const double seconds : spent.stages) {
    std::string text;
    append_json_float(text, seconds);
    stages.push_back(std::move(text));
  }
  return JsonObject()
      .number("waiting", spent.waiting)
      .number("reading", spent.reading)
      .number("unpacking", spent.unpacking)
      .number("parsing", spent.parsing)
      .json("stages", json_array(stages))
      .number("committing", spent.committing)
      .number("writing", spent.writing)
      .str();
}

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
      .number("start_up_seconds", rank.start_up_seconds)
      .integer("peak_rss_bytes", rank.peak_rss_bytes)
      .str();
}

std::string attempt_json(const AttemptResult& attempt) {
  std::vector<std::string> hosts;
  for (const std::string& host : attempt.hosts) hosts.push_back(json_text(host));
  JsonObject object;
  object.integer("attempt", attempt.number).text("begun", attempt.begun);
  object.json("ended", attempt.ended.empty() ? "null" : json_text(attempt.ended));
  object.text("how", attempt.how);
  if (!attempt.reason.empty()) object.text("reason", attempt.reason);
  if (!attempt.last_sign.empty()) object.text("last_sign", attempt.last_sign);
  object.integer("units", attempt.units)
      .integer("units_before", attempt.units_before)
      .integer("ranks", attempt.ranks)
      .integer("threads", attempt.threads)
      .integer("hosts", attempt.host_count)
      .json("host_names", json_array(hosts));
  if (!attempt.slurm_job.empty()) object.text("slurm_job", attempt.slurm_job);
  return object.str();
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

WorkSeconds work_seconds(const std::vector<RankResult>& ranks) {
  WorkSeconds sum;
  for (const RankResult& rank : ranks) {
    sum.waiting += rank.spent.waiting;
    sum.reading += rank.spent.reading;
    sum.unpacking += rank.spent.unpacking;
    sum.parsing += rank.spent.parsing;
    sum.committing += rank.spent.committing;
    sum.writing += rank.spent.writing;
    sum.stages.resize(std::max(sum.stages.size(), rank.spent.stages.size()));
    for (size_t i = 0; i < rank.spent.stages.size(); ++i) sum.stages[i] += rank.spent.stages[i];
  }
  return sum;
}

std::string attempts_json(const std::vector<AttemptResult>& attempts) {
  std::vector<std::string> items;
  for (const AttemptResult& attempt : attempts) items.push_back(attempt_json(attempt));
  return json_lines(items, 2);
}

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
  out += ",\n \"attempts\": " + attempts_json(run.attempts);
  out += ",\n \"units_before\": " + std::to_string(run.units_before);
  out += ",\n \"bytes_done_again\": " + std::to_string(run.bytes_done_again);
  out += ",\n \"disk_bytes\": " + std::to_string(run.disk_bytes);
  out += ",\n \"plain_bytes\": " + std::to_string(run.plain_bytes);
  out += ",\n \"records\": " + std::to_string(run.records);
  out += ",\n \"rates\": " + rates;
  out += ",\n \"spent\": " + spent_json(work_seconds(run.ranks));
  out += ",\n \"per_rank\": " + json_lines(ranks, 2);
  out += ",\n \"outputs\": " + json_lines(outputs, 2);
  out += ",\n \"books_problems\": " + json_array(problems);
  out += ",\n \"checkpoint_notes\": " + json_array(notes);
  return out + "}\n";
}

}  // namespace shardmill
