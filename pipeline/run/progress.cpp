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
constexpr double kLookSeconds = 1;
constexpr double kSilenceSeconds = 15;  ///< at least: a busy host may be late with a heartbeat

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Gauge::begin_file(const std::string& path, uint64_t begin) {
  const std::lock_guard lock(mutex_);
  path_ = path;
  begin_ = begin;
  bytes_before_ += bytes_;
  bytes_ = 0;
  touch();
}

void Gauge::move_to(uint64_t disk_bytes, uint64_t records) {
  bytes_.store(disk_bytes, std::memory_order_relaxed);
  records_.store(records, std::memory_order_relaxed);
  touch();
}

void Gauge::idle() {
  const std::lock_guard lock(mutex_);
  path_.clear();
  bytes_before_ = 0;
  bytes_ = 0;
  records_ = 0;
}

Gauge::Reading Gauge::read() const {
  const std::lock_guard lock(mutex_);
  if (path_.empty()) return {};
  const Clock::time_point moved{Clock::duration(moved_.load())};
  const uint64_t bytes = bytes_;
  return {.path = path_,
          .offset = begin_ + bytes,
          .bytes = bytes_before_ + bytes,
          .seconds_still = seconds_since(moved)};
}

void Heartbeat::see(WorkerPlace worker) {
  const auto place = std::find_if(workers.begin(), workers.end(), [&](const WorkerPlace& other) {
    return other.seconds_still < worker.seconds_still;
  });
  workers.insert(place, std::move(worker));
  if (workers.size() > kWorkersMost) workers.pop_back();
}

void Heartbeat::add_counts(const Heartbeat& other) {
  units += other.units;
  disk_bytes += other.disk_bytes;
  records += other.records;
  rejected += other.rejected;
}

std::string Heartbeat::encode() const {
  ByteWriter writer;
  for (const uint64_t value : {units, disk_bytes, records, rejected, threads}) {
    writer.varint(value);
  }
  writer.varint(workers.size());
  for (const WorkerPlace& worker : workers) {
    writer.text(worker.path);
    writer.varint(worker.offset);
    writer.f64(worker.seconds_still);
  }
  return writer.take();
}

std::optional<Heartbeat> Heartbeat::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  Heartbeat heartbeat;
  for (uint64_t* value : {&heartbeat.units, &heartbeat.disk_bytes, &heartbeat.records,
                          &heartbeat.rejected, &heartbeat.threads}) {
    *value = reader.varint();
  }
  const uint64_t workers = reader.varint();
  if (workers > kWorkersMost) return std::nullopt;
  for (uint64_t i = 0; i < workers; ++i) {
    WorkerPlace worker;
    worker.path = reader.text();
    worker.offset = reader.varint();
    worker.seconds_still = reader.f64();
    heartbeat.workers.push_back(std::move(worker));
  }
  return reader.done() ? std::optional(heartbeat) : std::nullopt;
}

Progress::Progress(ProgressSetup setup)
    : setup_(std::move(setup)), ranks_(setup_.hosts.size()), heard_(setup_.hosts.size(), start_) {
  next_line_ = setup_.terminal ? kLiveSeconds : kBatchSeconds;
}

Progress::~Progress() {
  end();
}

void Progress::update(int rank, Heartbeat heartbeat) {
  const auto index = static_cast<size_t>(rank);
  ranks_[index] = std::move(heartbeat);
  heard_[index] = Clock::now();
}

std::vector<RankNews> Progress::ranks() const {
  std::vector<RankNews> news;
  for (size_t rank = 0; rank < ranks_.size(); ++rank) {
    RankNews one = {.heartbeat = ranks_[rank], .seconds_unheard = seconds_since(heard_[rank])};
    for (WorkerPlace& worker : one.heartbeat.workers) worker.seconds_still += one.seconds_unheard;
    news.push_back(std::move(one));
  }
  return news;
}

std::vector<std::string> Progress::stalls() const {
  std::vector<std::string> messages;
  const double most = setup_.stall_warning_seconds;
  const std::vector<RankNews> all = ranks();
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const std::string& host = setup_.hosts[rank];
    if (all[rank].seconds_unheard >= std::max(most, kSilenceSeconds)) {
      messages.push_back(silence_warning(rank, host, all[rank].seconds_unheard));
      continue;  // where its workers are is old news
    }
    for (const WorkerPlace& worker : all[rank].heartbeat.workers) {
      if (worker.seconds_still >= most) messages.push_back(stall_warning(rank, host, worker, most));
    }
  }
  return messages;
}

/// Each file of a rank is named once.
void Progress::warn_of_stalls() {
  const double most = setup_.stall_warning_seconds;
  const std::vector<RankNews> all = ranks();
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const bool is_silent = all[rank].seconds_unheard >= std::max(most, kSilenceSeconds);
    if (is_silent && warned_.emplace(rank, "").second) {
      end();
      print(silence_warning(rank, setup_.hosts[rank], all[rank].seconds_unheard) + "\n");
    }
    for (const WorkerPlace& worker : all[rank].heartbeat.workers) {
      if (is_silent || worker.seconds_still < most) continue;
      if (!warned_.emplace(rank, worker.path).second) continue;
      end();
      print(stall_warning(rank, setup_.hosts[rank], worker, most) + "\n");
    }
  }
}

void Progress::tick() {
  const double elapsed = elapsed_seconds();
  if (!setup_.show) return;
  if (elapsed >= next_look_) {
    next_look_ = elapsed + kLookSeconds;
    warn_of_stalls();
  }
  if (is_time_for_a_line()) show(live_line());
}

void Progress::tick(const Step& step) {
  if (setup_.show && is_time_for_a_line()) show(step.text());
}

bool Progress::is_time_for_a_line() {
  const double elapsed = elapsed_seconds();
  if (elapsed < next_line_) return false;
  next_line_ = elapsed + (setup_.terminal ? kLiveSeconds : kBatchSeconds);
  return true;
}

void Progress::show(const std::string& text) {
  print(setup_.terminal ? "\r\x1b[K" + text : text + "\n");
  line_shown_ = setup_.terminal;
}

std::string Step::text() const {
  if (items == 0) return name;
  return fmt::format("{}: {} of {} ({})", name, with_separators(done), with_separators(items),
                     format_share(static_cast<double>(done), static_cast<double>(items)));
}

std::string Progress::line() const {
  const Heartbeat all = sum();
  return progress_line({.disk_bytes = all.disk_bytes,
                        .disk_bytes_total = setup_.total_bytes,
                        .disk_bytes_before = setup_.before.disk_bytes,
                        .elapsed_seconds = elapsed_seconds()},
                       all.rejected);
}

/// With the balance of the ranks where there is room for it.
std::string Progress::live_line() const {
  constexpr size_t kLabel = 9;
  constexpr size_t kLeastBalanceCells = 16;
  std::string text = line();
  const size_t taken = code_points(text) + kLabel;
  if (setup_.terminal && ranks_.size() > 1 && setup_.width >= taken + kLeastBalanceCells) {
    text += "  " + balance_text(ranks_, setup_.width - taken);
  }
  return text;
}

void Progress::end() {
  if (line_shown_) print("\r\x1b[K");
  line_shown_ = false;
}

Heartbeat Progress::sum() const {
  Heartbeat sum = setup_.before;
  for (const Heartbeat& rank : ranks_) sum.add_counts(rank);
  return sum;
}

double Pace::bytes_per_second() const {
  const uint64_t fresh = disk_bytes - std::min(disk_bytes, disk_bytes_before);
  return elapsed_seconds > 0 ? static_cast<double>(fresh) / elapsed_seconds : 0;
}

std::optional<double> Pace::seconds_left() const {
  const double rate = bytes_per_second();
  if (rate <= 0 || disk_bytes >= disk_bytes_total) return std::nullopt;
  return static_cast<double>(disk_bytes_total - disk_bytes) / rate;
}

std::string progress_line(const Pace& pace, uint64_t bad_records) {
  std::string line = fmt::format("read {} of {} ({}), {}", format_bytes(pace.disk_bytes),
                                 format_bytes(pace.disk_bytes_total),
                                 format_share(static_cast<double>(pace.disk_bytes),
                                              static_cast<double>(pace.disk_bytes_total)),
                                 format_rate(pace.bytes_per_second()));
  if (const auto left = pace.seconds_left())
    line += fmt::format(", {} left", format_seconds(*left));
  if (bad_records > 0) line += ", " + counted(bad_records, "bad record");
  return line;
}

std::string balance_text(const std::vector<Heartbeat>& ranks, size_t cells) {
  constexpr std::string_view kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const size_t shown = std::min(cells, ranks.size());
  std::vector<double> means;
  for (size_t i = 0; i < shown; ++i) {
    const size_t begin = ranks.size() * i / shown;
    const size_t end = ranks.size() * (i + 1) / shown;
    double sum = 0;
    for (size_t rank = begin; rank < end; ++rank) {
      sum += static_cast<double>(ranks[rank].disk_bytes);
    }
    means.push_back(sum / static_cast<double>(end - begin));
  }
  const double most = means.empty() ? 0 : *std::max_element(means.begin(), means.end());
  std::string text = "ranks ";
  for (const double mean : means) {
    text += kBlocks[most > 0 ? static_cast<size_t>(mean / most * 7 + 0.5) : 0];
  }
  return text;
}

std::string stall_warning(size_t rank, const std::string& host, const WorkerPlace& worker,
                          double stall_warning_seconds) {
  return Message{
      .place = fmt::format("rank {} ({})", rank, escaped(host)),
      .found = fmt::format("no progress for {:.0f} s at byte {} of {}", worker.seconds_still,
                           with_separators(worker.offset), quoted(worker.path)),
      .expected = fmt::format("a chunk within {:.0f} s", stall_warning_seconds),
      .fix = "check that file, its disk and what the job does with it, or set run.stall_warning"}
      .text();
}

std::string silence_warning(size_t rank, const std::string& host, double seconds) {
  return Message{.place = fmt::format("rank {} ({})", rank, escaped(host)),
                 .found = fmt::format("nothing heard for {:.0f} s", seconds),
                 .expected = "a heartbeat every second",
                 .fix = "check that host and the network, or set run.stall_warning"}
      .text();
}

}  // namespace shardmill
