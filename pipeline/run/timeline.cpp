#include "pipeline/run/timeline.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "pipeline/base/bytes.h"
#include "pipeline/base/work_clock.h"

namespace shardmill {

namespace {

/// A share of a span as a byte.
uint8_t share_of(uint64_t part_ns, double span_ns) {
  if (span_ns <= 0) return 0;
  const double share = static_cast<double>(part_ns) / span_ns;
  return static_cast<uint8_t>(std::clamp(share * 255 + 0.5, 0.0, 255.0));
}

uint64_t grown(uint64_t before, uint64_t now) {
  return now > before ? now - before : 0;
}

/// The shares of the kinds of work between two samples of one line.
WorkShares shares_between(const std::vector<uint64_t>& before, const std::vector<uint64_t>& now,
                          double span_ns) {
  WorkShares shares;
  const auto spent = [&](size_t activity) { return grown(before[activity], now[activity]); };
  uint64_t computing = 0;
  for (size_t i = WorkClock::kFirstStage; i < now.size(); ++i) computing += spent(i);
  shares.reading = share_of(spent(WorkClock::kReading), span_ns);
  shares.decoding = share_of(
      spent(WorkClock::kUnpacking) + spent(WorkClock::kParsing) + spent(WorkClock::kUnit), span_ns);
  shares.computing = share_of(computing, span_ns);
  shares.committing = share_of(spent(WorkClock::kCommitting) + spent(WorkClock::kCheckpointing) +
                                   spent(WorkClock::kWriting) + spent(WorkClock::kFinishing),
                               span_ns);
  return shares;
}

}  // namespace

Timeline::Timeline(std::function<WorkSample()> look, std::function<double()> seconds)
    : look_(std::move(look)), seconds_(std::move(seconds)) {
  take(0);
}

std::function<double()> Timeline::seconds_from_now() {
  const auto start = std::chrono::steady_clock::now();
  return [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
}

void Timeline::take(double seconds) {
  taken_.push_back({.seconds = seconds, .sample = look_()});
}

void Timeline::tick() {
  const double elapsed = seconds_();
  if (elapsed < taken_.back().seconds + interval_seconds_) return;
  if (taken_.size() == kSamplesMost) {
    for (size_t i = 1; i < taken_.size() / 2; ++i) taken_[i] = std::move(taken_[2 * i]);
    taken_.resize(taken_.size() / 2);
    interval_seconds_ *= 2;
  }
  take(elapsed);
}

RankTimeline Timeline::finish() {
  take(seconds_());
  RankTimeline timeline;
  timeline.lines.resize(taken_.front().sample.spent.size());
  // What counted as under way may be counted as done before it is no longer under way, or be
  // thrown away: nothing counts twice.
  uint64_t most_bytes = 0;
  uint64_t most_records = 0;
  for (size_t i = 1; i < taken_.size(); ++i) {
    const WorkSample& before = taken_[i - 1].sample;
    const WorkSample& now = taken_[i].sample;
    timeline.spans.push_back({.end_seconds = taken_[i].seconds,
                              .disk_bytes = grown(most_bytes, now.disk_bytes),
                              .records = grown(most_records, now.records),
                              .table_bytes = now.table_bytes,
                              .rss_bytes = now.rss_bytes});
    most_bytes = std::max(most_bytes, now.disk_bytes);
    most_records = std::max(most_records, now.records);
    const double span_ns = (taken_[i].seconds - taken_[i - 1].seconds) * 1e9;
    for (size_t line = 0; line < timeline.lines.size(); ++line) {
      const double workers_ns = span_ns * std::max(1u, now.workers_of_line);
      timeline.lines[line].push_back(
          shares_between(before.spent[line], now.spent[line], workers_ns));
    }
  }
  return timeline;
}

std::string encode_timeline(const RankTimeline& timeline) {
  ByteWriter writer;
  writer.varint(timeline.spans.size());
  writer.varint(timeline.lines.size());
  for (const TimeSpan& span : timeline.spans) {
    writer.f64(span.end_seconds);
    for (const uint64_t value : {span.disk_bytes, span.records, span.table_bytes, span.rss_bytes}) {
      writer.varint(value);
    }
  }
  for (const std::vector<WorkShares>& line : timeline.lines) {
    for (const WorkShares& shares : line) {
      for (const uint8_t share :
           {shares.reading, shares.decoding, shares.computing, shares.committing}) {
        writer.u8(share);
      }
    }
  }
  return writer.take();
}

RankTimeline decode_timeline(std::string_view bytes) {
  ByteReader reader(bytes);
  RankTimeline timeline;
  const uint64_t spans = reader.varint();
  const uint64_t lines = reader.varint();
  if (!reader.count_fits(spans, 12) || !reader.count_fits(lines, 1)) return {};
  for (uint64_t i = 0; i < spans; ++i) {
    TimeSpan span;
    span.end_seconds = reader.f64();
    for (uint64_t* value : {&span.disk_bytes, &span.records, &span.table_bytes, &span.rss_bytes}) {
      *value = reader.varint();
    }
    timeline.spans.push_back(span);
  }
  for (uint64_t i = 0; i < lines; ++i) {
    std::vector<WorkShares>& line = timeline.lines.emplace_back();
    for (uint64_t k = 0; k < spans && !reader.failed(); ++k) {
      WorkShares& shares = line.emplace_back();
      for (uint8_t* share :
           {&shares.reading, &shares.decoding, &shares.computing, &shares.committing}) {
        *share = reader.u8();
      }
    }
  }
  return reader.done() ? timeline : RankTimeline();
}

}  // namespace shardmill
