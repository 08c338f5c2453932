// What a trace keeps of a worker's spans.
#include "pipeline/base/span_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/base/work_clock.h"

namespace shardmill {
namespace {

using testing::SizeIs;

constexpr uint64_t kStep = 2000;  // ns: more than the shortest wait

/// A unit of `chunks` chunks, each parsed, with a read inside, and computed. Moves `now` on.
void work_unit(SpanLog& log, uint64_t unit, uint64_t chunks, uint64_t& now) {
  const auto open = [&](size_t activity, uint64_t about = WorkClock::kAboutNothing) {
    log.open(activity, about, now += kStep);
  };
  const auto close = [&] { log.close(now += kStep); };
  open(WorkClock::kUnit, unit);
  for (uint64_t i = 0; i < chunks; ++i) {
    open(WorkClock::kParsing);
    open(WorkClock::kReading);
    close();
    close();
    open(WorkClock::kFirstStage);
    close();
  }
  close();
}

/// Spans lie apart or within each other, depth by depth.
void expect_nesting(const std::vector<WorkedSpan>& spans) {
  std::vector<WorkedSpan> open;
  for (const WorkedSpan& span : spans) {
    EXPECT_LE(span.begin_ns, span.end_ns);
    while (!open.empty() && open.back().end_ns <= span.begin_ns) open.pop_back();
    if (!open.empty()) {
      EXPECT_LE(span.end_ns, open.back().end_ns);
      EXPECT_LT(open.back().depth, span.depth);
    }
    open.push_back(span);
  }
}

TEST(SpanLog, TellsOfUnitsChunksAndWaits) {
  uint64_t now = 10 * kStep;
  SpanLog log(1000, 0);
  work_unit(log, 7, 1, now);
  log.finish(now + 5 * kStep);
  const SpanLog::Kept kept = log.take();
  std::vector<std::pair<uint32_t, uint32_t>> found;  // activity, depth
  for (const WorkedSpan& span : kept.spans) found.emplace_back(span.activity, span.depth);
  const std::vector<std::pair<uint32_t, uint32_t>> expected = {
      {WorkClock::kWaiting, 0}, {WorkClock::kUnit, 0},       {WorkClock::kParsing, 1},
      {WorkClock::kReading, 2}, {WorkClock::kFirstStage, 1}, {WorkClock::kWaiting, 0}};
  EXPECT_EQ(found, expected);
  EXPECT_EQ(kept.spans[0].begin_ns, 0u);
  EXPECT_EQ(kept.spans[0].end_ns, kept.spans[1].begin_ns);
  EXPECT_EQ(kept.spans[1].about, 7u);
  EXPECT_EQ(kept.spans[5].end_ns, now + 5 * kStep);
  EXPECT_EQ(kept.left_out, 0u);
  expect_nesting(kept.spans);
}

TEST(SpanLog, OfALongFileForgetsChunksEvenly) {
  constexpr uint64_t kChunks = 100'000;
  uint64_t now = 0;
  SpanLog log(1000, 0);
  work_unit(log, 0, kChunks, now);
  log.finish(now);
  const SpanLog::Kept kept = log.take();
  EXPECT_LE(kept.spans.size(), 1000u);
  EXPECT_GE(kept.spans.size(), 400u);
  EXPECT_EQ(kept.left_out, 3 * kChunks + 2 - kept.spans.size());  // and the first wait
  EXPECT_EQ(kept.unit_stride, 1u);
  EXPECT_EQ(kept.chunk_stride, 512u);
  expect_nesting(kept.spans);
  // The first half of the time has as many as the second.
  const auto early = std::count_if(kept.spans.begin(), kept.spans.end(),
                                   [&](const WorkedSpan& span) { return span.begin_ns < now / 2; });
  EXPECT_NEAR(static_cast<double>(early), static_cast<double>(kept.spans.size()) / 2, 10);
}

TEST(SpanLog, OfVeryManyUnitsForgetsWholeUnitsEvenly) {
  uint64_t now = 0;
  SpanLog log(1000, 0);
  for (uint64_t unit = 0; unit < 50'000; ++unit) work_unit(log, unit, 1, now);
  log.finish(now);
  const SpanLog::Kept kept = log.take();
  EXPECT_LE(kept.spans.size(), 1000u);
  EXPECT_GE(kept.spans.size(), 200u);
  EXPECT_GT(kept.unit_stride, 1u);
  expect_nesting(kept.spans);
  EXPECT_LT(kept.spans.front().begin_ns, now / 20);
  EXPECT_GT(kept.spans.back().end_ns, now - now / 20);
}

TEST(SpanLog, IsBoundedWhateverAChunkHolds) {
  uint64_t now = 0;
  SpanLog log(64, 0);
  log.open(WorkClock::kUnit, 1, ++now);
  log.open(WorkClock::kParsing, 0, ++now);
  for (int i = 0; i < 10'000; ++i) {
    log.open(WorkClock::kReading, 0, ++now);
    log.close(++now);
  }
  log.close(++now);
  log.close(++now);
  log.finish(++now);
  const SpanLog::Kept kept = log.take();
  EXPECT_LE(kept.spans.size(), 64u);
  EXPECT_EQ(kept.left_out, 10'002 - kept.spans.size());
  expect_nesting(kept.spans);
  ASSERT_FALSE(kept.spans.empty());
  EXPECT_EQ(kept.spans.front().activity, WorkClock::kUnit);
}

TEST(WorkClock, TellsALogOfItsSpans) {
  WorkClock clock(1);
  SpanLog log(100, WorkClock::now_ns());
  clock.keep_spans(&log);
  {
    const WorkSpan unit(&clock, WorkClock::kUnit, 3);
    const WorkSpan stage(&clock, WorkClock::kFirstStage);
  }
  const SpanLog::Kept kept = log.take();
  ASSERT_THAT(kept.spans, SizeIs(testing::Ge(2u)));
  const WorkedSpan& stage = kept.spans.back();
  EXPECT_EQ(stage.activity, WorkClock::kFirstStage);
  EXPECT_EQ(stage.depth, 1u);
  EXPECT_EQ(kept.spans[kept.spans.size() - 2].about, 3u);
}

}  // namespace
}  // namespace shardmill
