// Units as transactions, on any layout: each file and record counts once, whatever goes wrong.
#include "pipeline/run/worker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_doubles.h"

namespace shardmill {
namespace {

using testing::HasSubstr;

std::string some_lines(size_t count, unsigned seed) {
  std::string text;
  uint64_t state = seed;
  for (size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    switch (state >> 60) {
      case 0:
        text += "#rejected " + std::to_string(i);
        break;
      case 1:
        text += "?asked " + std::to_string(i);
        break;
      case 2:
        text += "x";
        break;
      default:
        text += std::string(1 + (state >> 40) % 30, 'a') + std::to_string(i);
        break;
    }
    text += '\n';
  }
  return text;
}

DoubleWorld some_world() {
  DoubleWorld world;
  for (unsigned i = 0; i < 9; ++i) {
    world.files[fmt::format("f{}", i)].content = some_lines(i * i * 3, i);
  }
  world.files["no newline"].content = "the last line counts";
  return world;
}

struct Shape {
  int ranks;
  unsigned threads;
  uint64_t unit_bytes;
  uint64_t chunk_bytes;

  std::string text() const {
    return fmt::format("{} ranks x {} threads, units of {}, chunks of {}", ranks, threads,
                       unit_bytes, chunk_bytes);
  }
};

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes;
  for (const int ranks : {1, 2, 3, 7}) {
    for (const unsigned threads : {1u, 3u}) {
      for (const uint64_t unit_bytes : {0u, 40u, 1000u}) {
        for (const uint64_t chunk_bytes : {1u, 100u}) {
          shapes.push_back({ranks, threads, unit_bytes, chunk_bytes});
        }
      }
    }
  }
  return shapes;
}

TEST(Work, GivesTheSameOnEveryLayout) {
  DoubleWorld world = some_world();
  world.bundle_files = 4;
  world.longest_delay_us = 200;
  const Tally expected = expected_tally(world);
  ASSERT_GT(expected.records, 300u);
  std::vector<BadRecord> first_bad;
  for (const Shape& shape : all_shapes()) {
    world.unit_bytes = shape.unit_bytes;
    world.chunk_bytes = shape.chunk_bytes;
    const DoubleRun run = run_doubles(world, shape.ranks, shape.threads);
    ASSERT_EQ(run.status.message(), "") << shape.text();
    EXPECT_EQ(run.tally, expected) << shape.text();
    EXPECT_EQ(run.description.books_problems, std::vector<std::string>()) << shape.text();
    const auto& bad = run.description.bad_records_kept;
    ASSERT_GT(bad.size(), 50u);
    if (first_bad.empty()) first_bad = bad;
    ASSERT_EQ(bad.size(), first_bad.size()) << shape.text();
    for (size_t i = 0; i < bad.size(); ++i) {
      EXPECT_EQ(bad[i].path, first_bad[i].path) << shape.text();
      EXPECT_EQ(bad[i].offset, first_bad[i].offset) << shape.text();
      EXPECT_EQ(bad[i].record_number, first_bad[i].record_number) << shape.text() << " " << i;
    }
  }
}

TEST(Work, NumbersBadRecordsAsTheLinesOfTheirFile) {
  DoubleWorld world;
  world.files["f"].content = "good\n#bad\ngood\n?bad\nx\n#bad\n";
  for (const uint64_t unit_bytes : {0u, 6u, 11u}) {
    for (const uint64_t chunk_bytes : {1u, 7u, 100u}) {
      world.unit_bytes = unit_bytes;
      world.chunk_bytes = chunk_bytes;
      const DoubleRun run = run_doubles(world, 2, 2);
      std::vector<std::string> found;
      for (const BadRecord& bad : run.description.bad_records_kept) {
        found.push_back(fmt::format("{} {} {}", bad.record_number, bad.offset, bad.bytes));
      }
      EXPECT_EQ(found, (std::vector<std::string>{"2 5 #bad", "4 15 ?bad", "6 22 #bad"}));
    }
  }
}

TEST(Work, KeepsOnlyTheFirstRejectsButCountsAll) {
  DoubleWorld world = some_world();
  const DoubleRun all = run_doubles(world, 1, 1);
  world.run.rejects_kept = 5;
  world.unit_bytes = 50;
  for (const int ranks : {1, 3}) {
    const DoubleRun run = run_doubles(world, ranks, 2);
    EXPECT_EQ(run.description.bad_records, all.description.bad_records);
    ASSERT_EQ(run.description.bad_records_kept.size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(run.description.bad_records_kept[i].offset,
                all.description.bad_records_kept[i].offset);
      EXPECT_EQ(run.description.bad_records_kept[i].record_number,
                all.description.bad_records_kept[i].record_number);
    }
  }
}

TEST(Work, RedoesRangesThatAssumedWronglyAndIsExact) {
  DoubleWorld world;
  world.assumes = true;
  world.longest_delay_us = 100;
  for (unsigned i = 0; i < 4; ++i) {
    world.files[fmt::format("f{}", i)].content = some_lines(60 + i * 50, i);
  }
  world.files["one long line"].content = std::string(3000, 'l') + "\nand a short one\n";
  const Tally expected = expected_tally(world);
  uint64_t redone = 0;
  for (const Shape& shape : all_shapes()) {
    world.unit_bytes = shape.unit_bytes;
    world.chunk_bytes = shape.chunk_bytes;
    const DoubleRun run = run_doubles(world, shape.ranks, shape.threads);
    ASSERT_EQ(run.status.message(), "") << shape.text();
    EXPECT_EQ(run.tally, expected) << shape.text();
    redone += run.redone_units;
  }
  EXPECT_GT(redone, 100u) << "the double assumes wrongly nearly always";
}

std::string outcomes(const DoubleRun& run) {
  std::string text;
  for (const FileResult& file : run.description.files) {
    text += fmt::format("{}: {} ({})\n", file.path, file.outcome, file.reason);
  }
  return text;
}

TEST(Work, DoesABundleAgainWithoutItsBadFiles) {
  DoubleWorld world;
  for (unsigned i = 0; i < 6; ++i) world.files[fmt::format("f{}", i)].content = some_lines(20, i);
  world.files["f1"].cannot_open = true;
  world.files["f3"].fails_at = 100;
  world.files["f4"].fails_at = 0;
  world.unit_bytes = 1 << 20;
  world.bundle_files = 6;
  for (const int ranks : {1, 2}) {
    const DoubleRun run = run_doubles(world, ranks, 2);
    ASSERT_EQ(run.status.message(), "");
    EXPECT_EQ(run.description.units, 1u);
    EXPECT_EQ(run.tally, expected_tally(world));
    EXPECT_EQ(outcomes(run),
              "f0: read ()\nf1: bad (cannot be opened (no such file))\nf2: read ()\n"
              "f3: bad (byte 100: a bad sector)\nf4: bad (byte 0: a bad sector)\nf5: read ()\n");
    EXPECT_EQ(run.description.files[3].records, 0u) << "nothing of a bad file counts";
  }
}

TEST(Work, DropsOnlyTheBadRangesOfACutFile) {
  DoubleWorld world;
  std::string content;
  for (int i = 0; i < 100; ++i) content += fmt::format("line {:04}\n", i);  // 10 bytes each
  world.files["cut"] = {.content = content, .fails_at = 555};
  world.unit_bytes = 100;
  for (const bool assumes : {false, true}) {
    world.assumes = assumes;
    // The ranges before the bad one are whole; those behind are bad as well, since the double's
    // sector stays bad: 50 lines count.
    const DoubleRun run = run_doubles(world, 2, 2);
    ASSERT_EQ(run.status.message(), "");
    EXPECT_EQ(run.tally.records, 50u);
    EXPECT_EQ(outcomes(run), "cut: partly read (byte 555: a bad sector)\n");
    EXPECT_LE(run.description.disk_bytes, 1000u) << "more than the file has";
  }
}

TEST(Work, ARangeThatALimitEndsCountsItsOwnBytesOnly) {
  DoubleWorld world;
  for (int i = 0; i < 100; ++i) world.files["cut"].content += fmt::format("line {:04}\n", i);
  world.unit_bytes = 100;
  world.run.limit_records = 55;
  const DoubleRun run = run_doubles(world, 1, 1);
  ASSERT_EQ(run.status.message(), "");
  EXPECT_EQ(run.description.disk_bytes, 550u);
}

TEST(Work, StopsAtABadFileIfAskedTo) {
  DoubleWorld world = some_world();
  world.files["f5"].fails_at = 10;
  world.run.on_bad_file = "stop";
  for (const int ranks : {1, 3}) {
    const DoubleRun run = run_doubles(world, ranks, 2);
    for (const Status& status : run.statuses) {
      EXPECT_EQ(status.code(), Code::kBadFile);
      EXPECT_EQ(status.message(),
                "f5: byte 10: a bad sector; on_bad_file = \"skip\" goes on without it");
    }
  }
}

TEST(Work, StopsAtABadRecordIfAskedTo) {
  DoubleWorld world;
  world.files["f"].content = "good\n#bad\ngood\n";
  world.run.on_bad_record = "stop";
  const DoubleRun run = run_doubles(world, 2, 1);
  EXPECT_EQ(run.status.code(), Code::kFailed);
  EXPECT_EQ(run.status.message(),
            "f (byte 5): a line with a hash; on_bad_record = \"reject\" goes on without it");
}

TEST(Work, AFailureAnywhereIsEverybodysFailure) {
  for (const int ranks : {1, 2, 7}) {
    for (const auto& [line, message] : std::map<std::string, std::string>{
             {"!fail", "the stage cannot go on"}, {"!throw", "no memory left"}}) {
      DoubleWorld world = some_world();
      world.longest_delay_us = 100;
      world.unit_bytes = 50;
      world.files["g"].content = line + "\n";
      const DoubleRun run = run_doubles(world, ranks, 3);
      for (const Status& status : run.statuses) {
        EXPECT_EQ(status.code(), line == "!throw" ? Code::kStopped : Code::kFailed);
        EXPECT_THAT(status.message(), HasSubstr(message));
      }
    }
  }
}

TEST(Work, StopsWhenTablesTakeMoreThanTheirMemory) {
  DoubleWorld world = some_world();
  world.run.memory_bytes = uint64_t{1} << 30;
  world.table_bytes = uint64_t{5} << 30;
  const DoubleRun run = run_doubles(world, 2, 1);
  EXPECT_EQ(run.status.code(), Code::kStopped);
  EXPECT_THAT(
      run.status.message(),
      testing::MatchesRegex("rank .: the tables of all threads take .* GiB, stage 0 .tally. "
                            "holds .* GiB for .* entr.*, expected at most .* MiB for tables of "
                            "1.00 GiB of memory .as asked.; run the same command with more memory, "
                            "for instance --memory 2048MiB, and it goes on from here"));
}

TEST(Work, IsRefusedWhereItsMemoryDoesNotHoldTheWorkers) {
  DoubleWorld world = some_world();
  world.run.memory_bytes = 100 << 20;
  const DoubleRun run = run_doubles(world, 2, 3);
  for (const Status& status : run.statuses) {
    EXPECT_EQ(status.code(), Code::kUsage);
    EXPECT_THAT(status.message(),
                HasSubstr("memory: 100 MiB per rank (as asked) cannot hold what 3 "
                          "workers need beside tables: "));
  }
}

TEST(Work, TakesTheFirstRecordsInCanonicalOrder) {
  DoubleWorld world;
  world.files["a"].content = "#no\nrecord one\nrecord two\n";
  world.files["b"].content = "record three\n#no\n#no\nrecord four\nrecord five\n";
  world.files["c"].content = "record six\n";
  for (const auto& [limit, rejects] :
       std::map<uint64_t, uint64_t>{{1, 1}, {2, 1}, {3, 1}, {4, 3}, {5, 3}, {9, 3}}) {
    world.run.limit_records = limit;
    for (const Shape& shape : all_shapes()) {
      world.unit_bytes = shape.unit_bytes;
      world.chunk_bytes = shape.chunk_bytes;
      const DoubleRun run = run_doubles(world, shape.ranks, shape.threads);
      ASSERT_EQ(run.status.message(), "") << shape.text();
      EXPECT_EQ(run.tally.records, std::min<uint64_t>(limit, 6)) << shape.text();
      EXPECT_EQ(run.description.records, std::min<uint64_t>(limit, 6)) << shape.text();
      EXPECT_EQ(run.description.bad_records, rejects) << shape.text() << " limit " << limit;
    }
  }
}

TEST(Work, SaysWhichFilesALimitLeftOut) {
  DoubleWorld world;
  for (const char* name : {"a", "b", "c"}) world.files[name].content = "record one\nrecord two\n";
  world.run.limit_records = 3;
  world.unit_bytes = 1000;
  for (const uint64_t bundle : {1u, 3u}) {
    world.bundle_files = bundle;
    const DoubleRun run = run_doubles(world, 1, 1);
    EXPECT_EQ(outcomes(run), "a: read ()\nb: read (stopped at --limit)\nc: not read ()\n");
  }
}

TEST(Work, ANumberOfRejectsStopsTheRunInTheMiddleOfALongUnit) {
  DoubleWorld world;
  std::string& content = world.files["f"].content;
  for (int i = 0; i < 4000; ++i) content += "#bad\ngood records\n";
  world.longest_delay_us = 20'000;
  world.run.max_rejects = "5";
  const DoubleRun run = run_doubles(world, 2, 1);
  for (const Status& status : run.statuses) EXPECT_EQ(status.code(), Code::kStopped);
  EXPECT_EQ(run.status.message(),
            "too many rejected records, for instance f (byte 0): a line with a hash");
}

TEST(Work, JudgesTheNumberAndTheShareOfRejects) {
  DoubleWorld world;
  world.files["f"].content = "good\n#bad\ngood\n#bad\n";
  const std::map<std::string, bool> fine = {{"", true},    {"2", true},      {"1", false},
                                            {"50%", true}, {"49.9%", false}, {"0", false}};
  for (const auto& [limit, is_fine] : fine) {
    world.run.max_rejects = limit;
    const DoubleRun run = run_doubles(world, 1, 1);
    EXPECT_EQ(run.status.is_ok(), is_fine) << limit;
    EXPECT_EQ(run.status.code(), is_fine ? Code::kOk : Code::kFailed);
  }
  world.run.max_rejects = "1";
  EXPECT_EQ(run_doubles(world, 1, 1).status.message(),
            "job.toml: 2 rejected records of 4, expected at most 1 (max_rejects); look at "
            "bad_records.jsonl in the run directory, or raise run.max_rejects");
}

}  // namespace
}  // namespace shardmill
