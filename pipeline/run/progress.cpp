#include "pipeline/run/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr double kLiveSeconds = 0.25;
constexpr double kBatchSeconds = 30;

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Gauge::begin_file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  path_ = path;
  bytes_ = 0;
  touch();
}

void Gauge::move_to(uint64_t disk_bytes) {
  bytes_.store(disk_bytes, std::memory_order_relaxed);
  touch();
}

void Gauge::idle() {
  const std::lock_guard lock(mutex_);
  path_.clear();
  bytes_ = 0;
}

Gauge::Reading Gauge::read() const {
  const std::lock_guard lock(mutex_);
  if (path_.empty()) return {};
  const Clock::time_point moved{Clock::duration(moved_.load())};
  return {.path = path_, .bytes = bytes_, .seconds_still = seconds_since(moved)};
}

std::string Heartbeat::encode() const {
  ByteWriter writer;
  for (const uint64_t value : {units, disk_bytes, records, rejected}) writer.varint(value);
  writer.text(slowest_path);
  writer.f64(slowest_seconds);
  return writer.take();
}

std::optional<Heartbeat> Heartbeat::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  Heartbeat heartbeat;
  for (uint64_t* value :
       {&heartbeat.units, &heartbeat.disk_bytes, &heartbeat.records, &heartbeat.rejected}) {
    *value = reader.varint();
  }
  heartbeat.slowest_path = reader.text();
  heartbeat.slowest_seconds = reader.f64();
  return reader.done() ? std::optional(heartbeat) : std::nullopt;
}

Progress::Progress(ProgressSetup setup)
    : setup_(std::move(setup)), ranks_(setup_.hosts.size()), warned_(setup_.hosts.size()) {
  next_line_ = setup_.terminal ? kLiveSeconds : kBatchSeconds;
}

Progress::~Progress() {
  end();
}

void Progress::update(int rank, Heartbeat heartbeat) {
  const auto index = static_cast<size_t>(rank);
  ranks_[index] = std::move(heartbeat);
  if (setup_.show) warn_of_stalls(index);
}

void Progress::warn_of_stalls(size_t rank) {
  const Heartbeat& heartbeat = ranks_[rank];
  if (heartbeat.slowest_seconds < setup_.stall_warning_seconds) return;
  if (warned_[rank] == heartbeat.slowest_path) return;
  warned_[rank] = heartbeat.slowest_path;
  end();
  print(stall_warning(static_cast<int>(rank), setup_.hosts[rank], heartbeat,
                      setup_.stall_warning_seconds) +
        "\n");
}

void Progress::tick() {
  const double elapsed = elapsed_seconds();
  if (!setup_.show || elapsed < next_line_) return;
  next_line_ = elapsed + (setup_.terminal ? kLiveSeconds : kBatchSeconds);
  const std::string line = progress_line(sum(), setup_.total_bytes, elapsed);
  print(setup_.terminal ? "\r\x1b[K" + line : line + "\n");
  line_shown_ = setup_.terminal;
}

void Progress::end() {
  if (line_shown_) print("\r\x1b[K");
  line_shown_ = false;
}

Heartbeat Progress::sum() const {
  Heartbeat sum;
  for (const Heartbeat& rank : ranks_) {
    sum.units += rank.units;
    sum.disk_bytes += rank.disk_bytes;
    sum.records += rank.records;
    sum.rejected += rank.rejected;
  }
  return sum;
}

std::string progress_line(const Heartbeat& sum, uint64_t total_bytes, double elapsed_seconds) {
  const auto done = static_cast<double>(sum.disk_bytes);
  const auto total = static_cast<double>(total_bytes);
  const double rate = elapsed_seconds > 0 ? done / elapsed_seconds : 0;
  std::string line =
      fmt::format("read {} of {} ({}), {}", format_bytes(sum.disk_bytes), format_bytes(total_bytes),
                  format_share(done, total), format_rate(rate));
  if (rate > 0 && total > done)
    line += fmt::format(", {} left", format_seconds((total - done) / rate));
  if (sum.rejected > 0) line += ", " + counted(sum.rejected, "bad record");
  return line;
}

std::string stall_warning(int rank, const std::string& host, const Heartbeat& heartbeat,
                          double stall_warning_seconds) {
  return Message{.place = fmt::format("rank {} ({})", rank, host),
                 .found = fmt::format("no progress for {:.0f} s in {}", heartbeat.slowest_seconds,
                                      quoted(heartbeat.slowest_path)),
                 .expected = fmt::format("a chunk within {:.0f} s", stall_warning_seconds),
                 .fix = "check that file and its disk, or set run.stall_warning"}
      .text();
}

}  // namespace shardmill
