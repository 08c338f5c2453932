// `--trace FILE`: what it holds, and that nothing else changes.
#include "pipeline/run/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "pipeline/base/work_clock.h"
#include "pipeline/formats/json_tree.h"
#include "pipeline/formats/numbers.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::IsSupersetOf;
using testing::SizeIs;

struct Span {
  std::string name;
  double begin = 0;
  double end = 0;
};

/// The spans by process and thread, and the names of both.
struct ParsedTrace {
  std::map<std::pair<uint64_t, uint64_t>, std::vector<Span>> tracks;
  std::map<uint64_t, std::string> processes;
  std::map<std::pair<uint64_t, uint64_t>, std::string> threads;
  std::set<std::string> names;
  std::set<std::string> files;
};

double number(const JsonNode* node) {
  double value = -1;
  EXPECT_TRUE(node != nullptr && parse_float(node->value.text, value));
  return value;
}

ParsedTrace parse_trace(const std::string& text) {
  ParsedTrace trace;
  JsonNode root;
  EXPECT_FALSE(parse_json_tree(text, root).has_value()) << text.substr(0, 300);
  const JsonNode* events = root.find("traceEvents");
  if (events == nullptr) return trace;
  for (const JsonNode& event : events->items) {
    const std::string name = event.find("name")->text();
    const uint64_t process = event.find("pid")->whole().value_or(0);
    const JsonNode* thread = event.find("tid");
    const std::pair track(process, thread == nullptr ? 0 : thread->whole().value_or(0));
    const JsonNode* args = event.find("args");
    EXPECT_GT(process, 0u);
    if (event.find("ph")->text() == "X") {
      const double begin = number(event.find("ts"));
      trace.tracks[track].push_back({name, begin, begin + number(event.find("dur"))});
      trace.names.insert(name);
      if (args != nullptr) trace.files.insert(args->find("file")->text());
    } else if (name == "process_name") {
      trace.processes[process] = args->find("name")->text();
    } else if (name == "thread_name") {
      trace.threads[track] = args->find("name")->text();
    }
  }
  return trace;
}

/// Spans of a thread follow each other or lie within each other. Times have three digits.
void expect_nesting(const std::vector<Span>& spans) {
  constexpr double kRounding = 0.002;
  std::vector<Span> open;
  for (const Span& span : spans) {
    while (!open.empty() && open.back().end <= span.begin + kRounding) open.pop_back();
    if (!open.empty()) {
      EXPECT_GE(span.begin, open.back().begin) << span.name << " in " << open.back().name;
      EXPECT_LE(span.end, open.back().end + kRounding) << span.name << " in " << open.back().name;
    }
    open.push_back(span);
  }
}

class Trace : public testing::Test {
 protected:
  void SetUp() override {
    std::string text = "city,ms\n";
    for (int i = 0; i < 2000; ++i) {
      text += "city" + std::to_string(i % 7) + "," + std::to_string(i) + "\n";
    }
    folder_.write("data/a.csv", text);
    folder_.write("data/c\"\x1b[31m<script>.csv", text);
    folder_.write("data/b.csv", text);
    run_command("gzip " + (folder_.path() / "data/b.csv").string());
    folder_.write("job.toml", R"toml(
name = "cities"
[input]
paths = ["data"]
unit_bytes = "8KiB"
chunk_bytes = "1KiB"
[[stage]]
use = "keep"
where = "ms > 10"
[[stage]]
use = "group"
name = "by city"
by = ["city"]
compute = ["count()", "mean(ms)"]
[[stage]]
use = "write"
path = "out.csv.gz"
[run]
checkpoint = "0s"
)toml");
  }

  CommandResult run(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words +
                       " 2>&1");
  }
  std::string file(const std::string& name) const { return read_file(folder_.path() / name); }

  TempFolder folder_;
};

TEST_F(Trace, ShowsWhatEveryWorkerDidAndChangesNoAnswer) {
  ASSERT_EQ(run("run job.toml --quiet --threads 3 --run-dir plain").exit_code, 0);
  const CommandResult traced =
      run("run job.toml --quiet --threads 3 --run-dir traced --trace t.json");
  EXPECT_EQ(traced.exit_code, 0);
  EXPECT_EQ(traced.output, "");
  EXPECT_EQ(file("traced/results.json"), file("plain/results.json"));
  EXPECT_EQ(file("traced/output/out.csv.gz"), file("plain/output/out.csv.gz"));

  const ParsedTrace trace = parse_trace(file("t.json"));
  ASSERT_THAT(trace.processes, SizeIs(1));
  EXPECT_THAT(trace.processes.at(1), testing::StartsWith("rank 0 ("));
  EXPECT_EQ(trace.threads.at({1, 1}), "main");
  ASSERT_THAT(trace.tracks, SizeIs(4));
  for (uint64_t worker = 0; worker < 3; ++worker) {
    const std::pair<uint64_t, uint64_t> track(1, worker + 2);
    EXPECT_EQ(trace.threads.at(track), "worker " + std::to_string(worker));
    ASSERT_TRUE(trace.tracks.contains(track));
  }
  for (const auto& [track, spans] : trace.tracks) expect_nesting(spans);
  EXPECT_THAT(trace.names, IsSupersetOf({"start-up", "work", "merge", "write outputs",
                                         "write results", "wait", "unit", "read", "decode", "parse",
                                         "stage 0 keep", "stage 1 group by city", "stage 2 write",
                                         "commit", "checkpoint", "write block", "finish output"}));
  EXPECT_THAT(trace.files, IsSupersetOf({"data/a.csv", "data/b.csv.gz"}));
  EXPECT_TRUE(trace.files.contains("data/c\\\"\\x1b[31m<script>.csv"));
  EXPECT_EQ(trace.files.size(), 3u);
}

TEST_F(Trace, ReplacesAnEarlierOneAndNothingElse) {
  folder_.write("notes.txt", "dear diary");
  const std::string place = "shardmill: --trace ";
  EXPECT_EQ(run("run job.toml --quiet --trace notes.txt").output,
            place +
                "\"notes.txt\": holds something else, expected a new file, or a trace, which "
                "is replaced; choose another file\n");
  EXPECT_EQ(run("run job.toml --quiet --trace no/t.json").output,
            place +
                "\"no/t.json\": there is no such folder, expected one that is there; choose "
                "another file\n");
  const CommandResult folder = run("run job.toml --quiet --trace data");
  EXPECT_EQ(folder.output, place + "\"data\": is a folder, expected a file; choose another file\n");
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "job.run"));
  EXPECT_EQ(file("notes.txt"), "dear diary");
  folder_.write("empty.txt", "");
  std::filesystem::create_symlink("t.json", folder_.path() / "link.json");
  for (const std::string name : {"empty.txt", "link.json"}) {
    EXPECT_EQ(run("run job.toml --quiet --trace " + name).exit_code, 2);
  }
  const CommandResult first = run("count data --trace t.json");
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_THAT(parse_trace(file("t.json")).tracks, SizeIs(testing::Ge(2u)));
  EXPECT_EQ(run("run job.toml --quiet --trace t.json").exit_code, 0);
  EXPECT_TRUE(parse_trace(file("t.json")).names.contains("stage 0 keep"));
}

TEST_F(Trace, DoesNotTakeThePlaceOfWhatTheRunItselfWrote) {
  std::filesystem::create_directory(folder_.path() / "job.run");
  for (const std::string name : {"job.run/results.json", "job.run/report.txt"}) {
    const CommandResult result = run("run job.toml --quiet --fresh --trace " + name);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, "no trace was written: shardmill: --trace \"" + name +
                                 "\": holds something else, expected a new file, or a trace, which "
                                 "is replaced; choose another file\n");
    EXPECT_EQ(run("verify job.run").exit_code, 0);
    std::filesystem::remove_all(folder_.path() / "job.run");
    std::filesystem::create_directory(folder_.path() / "job.run");
  }
}

TEST_F(Trace, IsAlsoLeftByARunThatStops) {
  const CommandResult stopped =
      run("run job.toml --quiet --trace t.json --time-limit 0.001s --threads 1");
  EXPECT_EQ(stopped.exit_code, 75) << stopped.output;
  EXPECT_TRUE(parse_trace(file("t.json")).names.contains("work"));
}

TEST(RankTrace, TravelsBetweenRanks) {
  RankTrace trace = {.host = "n1", .start_up_seconds = 0.5, .work_begin_ns = 1000};
  trace.steps = {{.name = "work", .begin_ns = 1000, .end_ns = 9000}};
  SpanLog::Kept kept = {.left_out = 3, .unit_stride = 2, .chunk_stride = 4};
  kept.spans = {{.begin_ns = 1000, .end_ns = 5000, .about = 7, .activity = 4},
                {.begin_ns = 1500,
                 .end_ns = 2000,
                 .about = WorkClock::kAboutNothing,
                 .activity = 3,
                 .depth = 1}};
  trace.workers = {kept, {}};
  const std::string bytes = trace.encode();
  const RankTrace back = RankTrace::decode(bytes);
  EXPECT_EQ(back.encode(), bytes);
  ASSERT_THAT(back.workers, SizeIs(2));
  ASSERT_THAT(back.workers[0].spans, SizeIs(2));
  EXPECT_EQ(back.workers[0].spans[1].about, WorkClock::kAboutNothing);
  EXPECT_EQ(back.workers[0].spans[1].end_ns, 2000u);
  EXPECT_EQ(back.workers[0].chunk_stride, 4u);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(RankTrace::decode(bytes.substr(0, length)).host, "");
  }
}

TEST(TraceCapacity, BoundsTheSpansOfAWholeRun) {
  for (const auto& [ranks, threads] : std::vector<std::pair<int, unsigned>>{
           {1, 1}, {1, 256}, {64, 2}, {1000, 64}, {10'000, 128}}) {
    uint64_t spans = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      spans += trace_capacity(rank, ranks, threads) * threads;
    }
    EXPECT_LE(spans, kTraceSpansMost * 11 / 10) << ranks << " ranks";
    EXPECT_GT(spans, kTraceSpansMost / 10) << ranks << " ranks";
    EXPECT_GE(trace_capacity(0, ranks, threads), 64u);
  }
}

}  // namespace
}  // namespace shardmill
