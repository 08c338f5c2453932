#include "pipeline/run/run_status.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/json_tree.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/report/json_object.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

constexpr uint64_t kStatusBytesMax = 64 << 20;
constexpr double kSecondsMost = 1e12;  ///< of a number in a file that anybody may have written
constexpr uint64_t kThreadsMost = 1 << 20;
constexpr size_t kBarCells = 30;
constexpr size_t kHostsShown = 4;
constexpr size_t kStallsShown = 10;

/// Milliseconds are exact enough for people and programs that watch.
std::string seconds_json(double seconds) {
  return fmt::format("{:.3f}", seconds);
}

std::string worker_json(const WorkerPlace& worker) {
  return JsonObject()
      .text("file", worker.path)
      .integer("offset", worker.offset)
      .json("seconds_still", seconds_json(worker.seconds_still))
      .str();
}

std::string rank_json(const RankStatus& rank, size_t number) {
  std::vector<std::string> workers;
  for (const WorkerPlace& worker : rank.workers) workers.push_back(worker_json(worker));
  return JsonObject()
      .integer("rank", number)
      .text("host", rank.host)
      .integer("threads", rank.threads)
      .integer("units", rank.units)
      .integer("disk_bytes", rank.disk_bytes)
      .integer("records", rank.records)
      .json("seconds_unheard", seconds_json(rank.seconds_unheard))
      .json("slowest_workers", json_array(workers))
      .str();
}

uint64_t whole_of(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.find(name);
  return member == nullptr ? 0 : member->whole().value_or(0);
}

std::string text_of(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.find(name);
  return member == nullptr ? std::string() : member->bytes().value_or("");
}

double seconds_of(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.find(name);
  double value = 0;
  const bool is_number = member != nullptr && member->value.kind == JsonKind::kNumber;
  if (!is_number || !parse_float(member->value.text, value)) return 0;
  return std::clamp(value, 0.0, kSecondsMost);
}

const std::vector<JsonNode>& items_of(const JsonNode& node, std::string_view name) {
  static const std::vector<JsonNode> kNone;
  const JsonNode* member = node.find(name);
  return member == nullptr ? kNone : member->items;
}

RankStatus parse_rank(const JsonNode& node) {
  RankStatus rank = {.host = text_of(node, "host"),
                     .threads = std::min(whole_of(node, "threads"), kThreadsMost),
                     .units = whole_of(node, "units"),
                     .disk_bytes = whole_of(node, "disk_bytes"),
                     .records = whole_of(node, "records"),
                     .seconds_unheard = seconds_of(node, "seconds_unheard"),
                     .workers = {}};
  for (const JsonNode& worker : items_of(node, "slowest_workers")) {
    rank.workers.push_back({.path = text_of(worker, "file"),
                            .offset = whole_of(worker, "offset"),
                            .seconds_still = seconds_of(worker, "seconds_still")});
  }
  return rank;
}

std::string bar(double share) {
  const auto full = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * kBarCells);
  return "[" + std::string(full, '#') + std::string(kBarCells - full, '-') + "]";
}

std::string line(std::string_view head, const std::string& text) {
  return fmt::format("  {:<9} {}\n", head, text);
}

/// A message, whose values are escaped already, from a file that anybody may have written.
std::string safe(std::string_view message) {
  std::string out;
  while (!message.empty()) {
    const size_t end = message.find_first_of("\"\\");
    out += escaped(message.substr(0, end));
    if (end == std::string_view::npos) break;
    out += message[end];
    message.remove_prefix(end + 1);
  }
  return out;
}

std::string hosts_text(const RunStatus& status) {
  std::vector<std::string> hosts;
  for (const RankStatus& rank : status.ranks) {
    const std::string host = escaped(rank.host);
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  return listed(hosts, kHostsShown);
}

}  // namespace

Pace RunStatus::pace() const {
  return {.disk_bytes = disk_bytes,
          .disk_bytes_total = disk_bytes_total,
          .disk_bytes_before = disk_bytes_before,
          .elapsed_seconds = elapsed_seconds};
}

uint64_t RunStatus::threads() const {
  uint64_t sum = 0;
  for (const RankStatus& rank : ranks) sum += rank.threads;
  return sum;
}

std::string RunStatus::json() const {
  std::vector<std::string> per_rank;
  for (size_t i = 0; i < ranks.size(); ++i) per_rank.push_back(rank_json(ranks[i], i));
  std::vector<std::string> messages;
  for (const std::string& stall : stalls) messages.push_back(json_text(stall));
  const std::optional<double> left = state == "running" ? pace().seconds_left() : std::nullopt;
  std::string out = "{\"state\": " + json_text(state);
  const auto member = [&out](std::string_view name, const std::string& json) {
    out += fmt::format(",\n \"{}\": {}", name, json);
  };
  if (!reason.empty()) member("reason", json_text(reason));
  member("job", json_text(job));
  member("started", json_text(started));
  member("updated", json_text(updated));
  member("elapsed_seconds", seconds_json(elapsed_seconds));
  member("seconds_left", left ? seconds_json(*left) : "null");
  if (!step.name.empty()) {
    member("step", json_text(step.name));
    member("step_done", std::to_string(step.done));
    member("step_items", std::to_string(step.items));
  }
  const std::pair<std::string_view, uint64_t> numbers[] = {{"attempt", attempt},
                                                           {"units_done", units_done},
                                                           {"units", units},
                                                           {"disk_bytes", disk_bytes},
                                                           {"disk_bytes_total", disk_bytes_total},
                                                           {"disk_bytes_before", disk_bytes_before},
                                                           {"disk_bytes_read", disk_bytes_read},
                                                           {"bytes_done_again", bytes_done_again},
                                                           {"records", records},
                                                           {"bad_records", bad_records},
                                                           {"ranks", ranks.size()},
                                                           {"threads", threads()}};
  for (const auto& [name, value] : numbers) member(name, std::to_string(value));
  member("per_rank", json_lines(per_rank, 2));
  member("stalls", json_lines(messages, 2));
  return out + "}\n";
}

std::optional<RunStatus> parse_run_status(std::string_view text) {
  JsonNode root;
  if (parse_json_tree(text, root)) return std::nullopt;
  RunStatus status = {.state = text_of(root, "state"),
                      .reason = text_of(root, "reason"),
                      .job = text_of(root, "job"),
                      .started = text_of(root, "started"),
                      .updated = text_of(root, "updated"),
                      .elapsed_seconds = seconds_of(root, "elapsed_seconds")};
  if (status.state.empty()) return std::nullopt;
  status.step.name = text_of(root, "step");
  const std::pair<std::string_view, uint64_t*> numbers[] = {
      {"attempt", &status.attempt},
      {"units_done", &status.units_done},
      {"units", &status.units},
      {"disk_bytes", &status.disk_bytes},
      {"disk_bytes_total", &status.disk_bytes_total},
      {"disk_bytes_before", &status.disk_bytes_before},
      {"disk_bytes_read", &status.disk_bytes_read},
      {"bytes_done_again", &status.bytes_done_again},
      {"records", &status.records},
      {"bad_records", &status.bad_records},
      {"step_done", &status.step.done},
      {"step_items", &status.step.items}};
  for (const auto& [name, value] : numbers) *value = whole_of(root, name);
  for (const JsonNode& rank : items_of(root, "per_rank")) status.ranks.push_back(parse_rank(rank));
  for (const JsonNode& stall : items_of(root, "stalls")) {
    status.stalls.push_back(stall.bytes().value_or(""));
  }
  return status;
}

std::optional<RunStatus> read_run_status(const std::string& run_dir) {
  const Result<std::string> text = read_whole(run_dir + "/status.json", kStatusBytesMax);
  return text.is_ok() ? parse_run_status(*text) : std::nullopt;
}

std::string run_status_text(const RunStatus& status) {
  const auto done = static_cast<double>(status.disk_bytes);
  const auto total = static_cast<double>(status.disk_bytes_total);
  const double share = total > 0 ? done / total : status.state == "finished" ? 1 : 0;
  std::string out = line("job", quoted(status.job));
  out += line("done", fmt::format("{} {}", bar(share), format_share(share, 1)));
  out += line("",
              fmt::format("{} of {} read, {} of {}, {}", format_bytes(status.disk_bytes),
                          format_bytes(status.disk_bytes_total), with_separators(status.units_done),
                          counted(status.units, "unit"), counted(status.records, "record")));
  if (!status.step.name.empty()) out += line("now", escaped(status.step.text()));
  std::string speed = format_rate(status.pace().bytes_per_second());
  const std::optional<double> left = status.pace().seconds_left();
  if (left && status.state == "running") speed += fmt::format(", {} left", format_seconds(*left));
  out += line("speed", speed);
  out +=
      line("attempt", fmt::format("{}, begun {}, {} at work", status.attempt,
                                  escaped(status.started), format_seconds(status.elapsed_seconds)));
  if (!status.ranks.empty()) {
    out += line("on", fmt::format("{}, {} in all: {}", counted(status.ranks.size(), "rank"),
                                  counted(status.threads(), "thread"), hosts_text(status)));
  }
  if (status.bad_records > 0) out += line("bad", counted(status.bad_records, "record"));
  if (status.bytes_done_again > 0)
    out += line("again", format_bytes(status.bytes_done_again) + " of earlier attempts were lost");
  for (size_t i = 0; i < std::min(status.stalls.size(), kStallsShown); ++i) {
    out += line(i == 0 ? "slow" : "", safe(status.stalls[i]));
  }
  if (status.stalls.size() > kStallsShown)
    out += line("", fmt::format("and {} more", status.stalls.size() - kStallsShown));
  return out;
}

}  // namespace shardmill
