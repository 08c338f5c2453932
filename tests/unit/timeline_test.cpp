// Where workers' time goes, sampled in bounded memory, and what report.html makes of it.
#include "pipeline/run/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "pipeline/base/work_clock.h"
#include "pipeline/report/report_html_time.h"
#include "pipeline/run/rank_work.h"

namespace shardmill {
namespace {

using testing::Ge;
using testing::Gt;
using testing::HasSubstr;
using testing::Lt;
using testing::Not;
using testing::SizeIs;

void sleep_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

TEST(WorkClock, CountsWhatTheHandPointsAt) {
  WorkClock clock(2);
  {
    const WorkSpan parsing(&clock, WorkClock::kParsing);
    {
      const WorkSpan stage(&clock, WorkClock::kFirstStage + 1);
      sleep_ms(20);
    }
    sleep_ms(10);
  }
  const std::vector<uint64_t> spent = clock.read();
  ASSERT_THAT(spent, SizeIs(WorkClock::kFirstStage + 2));
  EXPECT_GE(spent[WorkClock::kFirstStage + 1], 20'000'000u);
  EXPECT_GE(spent[WorkClock::kParsing], 10'000'000u);
  EXPECT_EQ(spent[WorkClock::kReading], 0u);
  EXPECT_EQ(spent[WorkClock::kFirstStage], 0u);
}

TEST(WorkClock, TellsOfASpanThatHasNotEnded) {
  WorkClock clock(0);
  const WorkSpan reading(&clock, WorkClock::kReading);
  sleep_ms(10);
  EXPECT_GE(clock.read()[WorkClock::kReading], 10'000'000u);
}

TEST(WorkClock, MayBeMissing) {
  const WorkSpan nothing(nullptr, WorkClock::kReading);
}

TEST(Timeline, KeepsABoundedNumberOfSamplesOfTheWholeTime) {
  uint64_t looks = 0;
  double now = 0;
  const auto look = [&] {
    ++looks;
    return WorkSample{.disk_bytes = looks,
                      .spent = {std::vector<uint64_t>(WorkClock::kFirstStage)}};
  };
  Timeline timeline(look, [&] { return now; });
  for (; now < 1200; now += 0.01) timeline.tick();
  const RankTimeline done = timeline.finish();
  EXPECT_LE(done.spans.size(), Timeline::kSamplesMost);
  EXPECT_GE(done.spans.size(), Timeline::kSamplesMost / 2);
  EXPECT_GE(done.spans.back().end_seconds, 1200);
  EXPECT_LT(done.spans.front().end_seconds, 1200 * 2.0 / Timeline::kSamplesMost);
  uint64_t bytes = 0;
  for (const TimeSpan& span : done.spans) bytes += span.disk_bytes;
  EXPECT_EQ(bytes, looks);  // nothing is lost with the samples that were forgotten
  ASSERT_THAT(done.lines, SizeIs(1));
  EXPECT_THAT(done.lines[0], SizeIs(done.spans.size()));
}

TEST(Timeline, SaysWhatShareOfASpanAWorkerDidWhat) {
  std::vector<uint64_t> spent(WorkClock::kFirstStage + 1);
  Timeline timeline([&] { return WorkSample{.spent = {spent}}; });
  sleep_ms(10);
  spent[WorkClock::kReading] = 3'600'000'000'000;  // more than there was: clocks are read apart
  const RankTimeline done = timeline.finish();
  ASSERT_THAT(done.lines, SizeIs(1));
  EXPECT_EQ(done.lines[0].back().reading, 255);
  EXPECT_EQ(done.lines[0].back().computing, 0);
}

TEST(Timeline, CountsNothingTwice) {
  // A unit is under way, then done and under way at once, then done, then thrown away.
  const std::vector<uint64_t> seen = {0, 10, 20, 10, 12};
  size_t looks = 0;
  const auto look = [&] { return WorkSample{.disk_bytes = seen[looks], .records = seen[looks]}; };
  double now = 0;
  Timeline timeline(look, [&] { return now; });
  for (looks = 1; looks + 1 < seen.size(); ++looks) {
    now += 1;
    timeline.tick();
  }
  now += 1;
  const RankTimeline done = timeline.finish();
  std::vector<uint64_t> bytes;
  for (const TimeSpan& span : done.spans) bytes.push_back(span.disk_bytes);
  EXPECT_EQ(bytes, (std::vector<uint64_t>{10, 10, 0, 0}));
  EXPECT_EQ(done.spans[1].records, 10u);
}

RankResult rank_with_timeline() {
  RankResult rank = {.host = "n1", .threads = 2, .start_up_seconds = 1};
  rank.spent = {.waiting = 1,
                .reading = 2,
                .unpacking = 3,
                .parsing = 4,
                .committing = 5,
                .writing = 8,
                .stages = {6, 7}};
  rank.timeline.spans = {
      {.end_seconds = 1, .disk_bytes = 1000, .records = 10, .table_bytes = 7, .rss_bytes = 9},
      {.end_seconds = 2, .disk_bytes = 3000, .records = 30, .table_bytes = 8, .rss_bytes = 10}};
  const WorkShares all_reading = {.reading = 255};
  const WorkShares half = {.decoding = 64, .computing = 64, .committing = 10};
  rank.timeline.lines = {{all_reading, half}, {half, {}}};
  return rank;
}

TEST(Timeline, TravelsBetweenRanks) {
  const RankResult rank = rank_with_timeline();
  const RankResult back = decode_rank_result(encode_rank_result(rank));
  EXPECT_EQ(encode_rank_result(back), encode_rank_result(rank));
  EXPECT_EQ(back.timeline.lines[0][1].decoding, 64);
  EXPECT_EQ(back.spent.stages, (std::vector<double>{6, 7}));
  EXPECT_EQ(back.spent.writing, 8);
  EXPECT_EQ(back.start_up_seconds, 1);
}

TEST(Timeline, ThatIsDamagedIsEmpty) {
  const std::string good = encode_timeline(rank_with_timeline().timeline);
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(decode_timeline(good.substr(0, length)).spans, SizeIs(0));
  }
  EXPECT_THAT(decode_timeline("\xff\xff\xff\xff\xff\xff\xff\xff\x7f").lines, SizeIs(0));
}

TEST(PageTimeline, ShowsStartUpAndWorkOnOneAxis) {
  RunDescription run;
  run.seconds = {.work = 1.5, .merge = 1.5};
  run.ranks = {rank_with_timeline(), rank_with_timeline()};
  run.ranks[1].start_up_seconds = 0.5;  // a later process
  const std::string json = page_timeline(run);
  EXPECT_THAT(
      json,
      HasSubstr(
          "\"seconds\": 4, \"ready\": 1, \"work_end\": 2.5, \"rows_end\": 3, \"columns\": 120"));
  // Columns of 1/30 s: the first 30 are start-up. Two digits a kind, four kinds a column.
  EXPECT_THAT(json, HasSubstr("[\"rank 0, worker 0\", 0, [30, \"99000000"));
  EXPECT_THAT(json, HasSubstr("[\"rank 1, worker 0\", 0.5, [30, \"99000000"));
  EXPECT_THAT(json, HasSubstr("00252504"));
}

TEST(PageTimeline, OfVeryManyWorkersHasMeansOfNeighbours) {
  RunDescription run;
  run.ranks.assign(10'000, rank_with_timeline());
  for (RankResult& rank : run.ranks) rank.timeline.lines.resize(1);
  const std::string json = page_timeline(run);
  EXPECT_LT(json.size(), 300'000u);
  EXPECT_THAT(json, HasSubstr("[\"ranks 0 to 77\", 0, [40, \"99000000"));
  EXPECT_THAT(json, Not(HasSubstr("nan")));
}

TEST(PageTimeline, IsLeftOutWithoutSamples) {
  RunDescription run;
  EXPECT_EQ(page_timeline(run), "null");
  run.ranks = {{.host = "n1"}};
  EXPECT_EQ(page_timeline(run), "null");
}

}  // namespace
}  // namespace shardmill
