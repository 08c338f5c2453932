// attempts.jsonl: each attempt stands there, however it ended.
#include "pipeline/run/attempt_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "pipeline/base/text.h"
#include "pipeline/report/description.h"
#include "pipeline/report/sections.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Attempts : public testing::Test {
 protected:
  Result<AttemptLog> begin(uint64_t units_before, AttemptBegin also = {}) const {
    also.identity = also.identity == 0 ? 7 : also.identity;
    also.units_before = units_before;
    if (also.begun.empty()) also.begun = fmt::format("2026-03-01T14:0{}:00Z", units_before % 10);
    return AttemptLog::begin(folder_.path().string(), also, {});
  }
  /// Begins and ends.
  void attempt(uint64_t units_before, const Status& status,
               const std::string& stopped_by = {}) const {
    Result<AttemptLog> log = begin(units_before);
    ASSERT_TRUE(log.is_ok()) << log.status().message();
    log->set_layout({"n2", "n1", "n1"}, 4);
    log->end("2026-03-01T15:00:00Z", status, stopped_by, 5);
    log->write_end();
  }
  std::vector<AttemptResult> read() const { return read_attempts(folder_.path().string()); }
  std::string path() const { return (folder_.path() / "attempts.jsonl").string(); }
  std::vector<std::string> ends() const {
    std::vector<std::string> ends;
    for (const AttemptResult& attempt : read()) {
      ends.push_back(
          fmt::format("{}: {} units, {}", attempt.number, attempt.units, how_it_ended(attempt)));
    }
    return ends;
  }

  TempFolder folder_;
};

TEST_F(Attempts, SayWhereTheyRanAndHowTheyEnded) {
  attempt(0, Status::stopped("no matter"), "signal USR1");
  attempt(4, Status::stopped("rank 0: no memory left; more of it (--memory)"));
  attempt(6, Status::stopped("out.csv: the disk is full"));
  attempt(6, Status::failed("a.csv: bad\x1b[31m"));
  ASSERT_TRUE(begin(9).is_ok());
  ASSERT_TRUE(
      begin(11, {.last_started = "2026-03-01T14:09:00Z", .last_sign = "2026-03-01T14:09:42Z"})
          .is_ok());
  ASSERT_TRUE(
      begin(11, {.last_started = "2026-03-01T14:09:00Z", .last_sign = "2026-03-01T14:09:42Z"})
          .is_ok());
  attempt(12, {});
  EXPECT_THAT(ends(), ElementsAre("1: 4 units, stopped: signal USR1", "2: 2 units, out of memory",
                                  "3: 0 units, stopped: out.csv: the disk is full",
                                  "4: 3 units, failed: a.csv: bad\\x1b[31m",
                                  "5: 2 units, killed, last heard at 14:09:42",
                                  "6: 0 units, killed without a word",
                                  "7: 1 units, killed without a word", "8: 5 units, finished"));
  const AttemptResult first = read().at(0);
  EXPECT_EQ(first.ranks, 3u);
  EXPECT_EQ(first.threads, 4u);
  EXPECT_EQ(first.host_count, 2u);
  EXPECT_THAT(first.hosts, ElementsAre("n1", "n2"));
  EXPECT_EQ(first.ended, "2026-03-01T15:00:00Z");
}

TEST_F(Attempts, ThatIsAtWorkHasNoEndYet) {
  ASSERT_TRUE(begin(0, {.slurm_job = "4711"}).is_ok());
  ASSERT_EQ(read().size(), 1u);
  EXPECT_EQ(read()[0].how, "");
  EXPECT_EQ(read()[0].slurm_job, "4711");
}

TEST_F(Attempts, OfAnotherRunAreForgotten) {
  attempt(0, {});
  ASSERT_TRUE(begin(0, {.identity = 8}).is_ok());
  EXPECT_EQ(read().size(), 1u);
  EXPECT_THAT(read_file(path()), StartsWith("{\"attempts_of\": \"0000000000000008\"}\n"));
}

TEST_F(Attempts, AreNumberedAsTheCheckpointsHaveIt) {
  const Result<AttemptLog> log = begin(3, {.least_number = 4});
  ASSERT_TRUE(log.is_ok());
  EXPECT_EQ(log->attempts().at(0).number, 4u) << "somebody took the list away";
}

TEST_F(Attempts, SurviveALineThatWasTorn) {
  attempt(0, Status::stopped("x"), "signal TERM");
  const std::string whole = read_file(path());
  for (size_t cut = whole.find('\n') + 1; cut < whole.size(); ++cut) {
    std::ofstream(path()) << whole.substr(0, cut);
    attempt(2, {});
    ASSERT_FALSE(read().empty()) << cut;
    EXPECT_EQ(how_it_ended(read().back()), "finished") << cut;
    EXPECT_EQ(read().back().ranks, 3u) << cut;
    const bool has_first = cut >= whole.find("\n", whole.find("begun"));
    EXPECT_EQ(read().size(), has_first ? 2u : 1u) << cut;
  }
}

TEST_F(Attempts, LongReasonsAreCutBetweenCharacters) {
  for (size_t bytes = 296; bytes < 304; ++bytes) {
    std::filesystem::remove(path());
    attempt(0, Status::failed(std::string(bytes, 'x') + "\u00e9\u00e9 \U0001f600\U0001f600"));
    const std::string reason = read().at(0).reason;
    EXPECT_TRUE(is_utf8(reason)) << bytes;
    EXPECT_GT(reason.size(), 296u) << bytes;
    EXPECT_LE(reason.size(), 300u) << bytes;
    EXPECT_THAT(read_file(path()), Not(HasSubstr("base64"))) << bytes;
    EXPECT_THAT(attempts_json(read()), Not(HasSubstr("base64"))) << bytes;
  }
}

TEST_F(Attempts, OfThousandsTheFirstAndTheLastStay) {
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(begin(5).is_ok());
  attempt(5, {});
  const std::vector<AttemptResult> list = read();
  EXPECT_LE(list.size(), 200u);
  EXPECT_EQ(list.at(0).number, 1u);
  EXPECT_EQ(list.at(19).number, 20u);
  EXPECT_GT(list.at(20).number, 1000u);
  EXPECT_EQ(list.back().number, 2001u);
  for (const AttemptResult& attempt : list) {
    EXPECT_EQ(attempt.how, attempt.number == 2001 ? "finished" : "killed") << attempt.number;
  }
  EXPECT_LT(std::filesystem::file_size(path()), 100'000u);
}

TEST_F(Attempts, OfThousandsOfHostsNameAFew) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 10'000; ++i) hosts.push_back(fmt::format("{:0300}", i));
  Result<AttemptLog> log = begin(0);
  log->set_layout(hosts, 1);
  EXPECT_EQ(read().at(0).host_count, 10'000u);
  EXPECT_EQ(read().at(0).hosts.size(), 8u);
  EXPECT_LT(std::filesystem::file_size(path()), 2'000u);
}

TEST_F(Attempts, AFileThatLiesIsShownSafelyAndGoneOnFrom) {
  std::string file = "{\"attempts_of\": \"0000000000000007\"}\n";
  file += "{\"attempt\": 3, \"begun\": \"\\u001b]0;x\", \"units_before\": 18446744073709551615}\n";
  file +=
      "{\"attempt\": 2, \"begun\": \"goes back\"}\n[[[[\n{\"attempt\": \"x\"}\n{\"begun\": 1}\n";
  file += "{\"attempt\": 3, \"ranks\": -1, \"host_names\": {\"a\": 1}}\n";
  file += "{\"attempt\": 3, \"ended\": 7, \"how\": \"\\u001b[2J\", \"units\": 1e99}\n";
  std::ofstream(path()) << file;
  attempt(0, {});
  ASSERT_EQ(read().size(), 2u);
  const std::string shown = attempts_table(read(), {.width = 80, .paint = {}});
  EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
  EXPECT_THAT(shown, HasSubstr("finished"));
}

TEST_F(Attempts, AreNotWrittenThroughASymlink) {
  const std::string other = folder_.write("other", "{\"attempts_of\": \"0000000000000007\"}\n");
  std::filesystem::create_symlink(other, path());
  const Result<AttemptLog> log = begin(0);
  ASSERT_FALSE(log.is_ok());
  EXPECT_THAT(log.status().message(), HasSubstr("attempts.jsonl: the file cannot be opened ("));
  EXPECT_EQ(read_file(other), "{\"attempts_of\": \"0000000000000007\"}\n");
}

}  // namespace
}  // namespace shardmill
