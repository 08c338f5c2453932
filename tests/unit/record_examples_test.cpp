// The few records that a report shows: the same whoever saw them first.
#include "pipeline/core/record_examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RecordExample example(uint64_t rank, const std::string& path, uint64_t offset) {
  return {.rank = rank, .path = path, .offset = offset, .record = "{}"};
}

std::vector<std::string> places(const RecordExamples& examples) {
  std::vector<std::string> list;
  for (const RecordExample& one : examples.list()) {
    list.push_back(std::to_string(one.rank) + one.path + std::to_string(one.offset));
  }
  return list;
}

std::string encoded(const RecordExamples& examples) {
  ByteWriter writer;
  examples.encode(writer);
  return writer.take();
}

TEST(RecordExamples, AreTheFirstOfTheSmallestRanksHoweverTheyAreSharedOutAndMerged) {
  struct Case {
    uint64_t ranks;
    std::vector<std::string> places;
  };
  for (const Case& c : {Case{7, {"0a0", "1a8", "2a2", "3a10", "4a4"}},
                        Case{3, {"0a0", "1a4", "2a2", "0a6", "1a10"}},
                        Case{1, {"0a0", "0a2", "0a4", "0a6", "0a8"}}}) {
    std::vector<RecordExample> all;
    for (uint64_t i = 0; i < 60; ++i) {
      all.push_back(example(i % c.ranks, i % 2 == 0 ? "a" : "b", i));
    }
    std::mt19937 random(1);
    std::string expected;
    for (int round = 0; round < 200; ++round) {
      std::shuffle(all.begin(), all.end(), random);
      std::vector<RecordExamples> parts(1 + random() % 4, RecordExamples(5));
      for (const RecordExample& one : all) {
        RecordExamples& part = parts[random() % parts.size()];
        const bool is_wanted =
            part.wants(one.rank) && part.wants(one.rank, one.path, one.offset, one.sub_index);
        const std::string before = encoded(part);
        part.add(one);
        EXPECT_EQ(encoded(part) != before, is_wanted);
      }
      std::shuffle(parts.begin(), parts.end(), random);
      for (size_t i = 1; i < parts.size(); ++i) parts[0].merge(parts[i]);
      if (round == 0) expected = encoded(parts[0]);
      EXPECT_EQ(encoded(parts[0]), expected);
      EXPECT_EQ(places(parts[0]), c.places);
    }
  }
}

TEST(RecordExamples, SurviveTheWireAndDamageIsNoticed) {
  RecordExamples examples(3);
  for (uint64_t i = 0; i < 5; ++i) examples.add(example(10 - i, "p", i));
  const std::string bytes = encoded(examples);
  ByteReader reader(bytes);
  EXPECT_EQ(encoded(RecordExamples::decode(reader)), bytes);
  EXPECT_TRUE(reader.done());
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader short_reader(std::string_view(bytes).substr(0, cut));
    RecordExamples::decode(short_reader);
    EXPECT_FALSE(short_reader.done()) << cut;
  }
}

TEST(RecordExamples, AreRefusedFromTheWireIfOneIsThereTwice) {
  for (const uint64_t second : {7, 8}) {
    ByteWriter writer;
    writer.varint(5);
    writer.varint(2);
    for (const uint64_t offset : {uint64_t{7}, second}) {
      writer.u64(1);
      writer.text("p");
      writer.varint(offset);
      writer.varint(0);
      writer.text("{}");
    }
    ByteReader reader(writer.bytes());
    RecordExamples::decode(reader);
    EXPECT_EQ(reader.done(), second != 7);
  }
}

TEST(RecordExamples, NoneAreKeptIfNoneAreAskedFor) {
  RecordExamples none(0);
  EXPECT_FALSE(none.wants(0));
  EXPECT_FALSE(none.wants(0, "a", 0, 0));
  none.add(example(1, "a", 1));
  EXPECT_THAT(none.list(), IsEmpty());
}

TEST(RecordWatch, ShowsUsedColumnsAndCutsLongTextBetweenCharacters) {
  Schema schema;
  schema.columns = {{.name = "t", .type = Type::kText, .slot = 0},
                    {.name = "unused", .type = Type::kText, .slot = 1},
                    {.name = "n", .type = Type::kInt, .slot = 2}};
  SlotPlan slots;
  slots.slots = {{.name = "t", .used = true}, {.name = "unused"}, {.name = "n", .used = true}};
  const FileSlice slice = {.path = "f.log"};
  Batch batch;
  batch.rows = 2;
  batch.slice = &slice;
  batch.offsets = {0, 300};
  batch.columns.resize(3);
  batch.columns[0].prepare(Type::kText, 2);
  const std::string umlauts = [] {
    std::string text = "x";
    for (int i = 0; i < 150; ++i) text += "ä";
    return text;
  }();
  batch.columns[0].text = {"a\"b\x1b", umlauts};
  batch.columns[2].prepare(Type::kInt, 2);
  batch.columns[2].ints = {7, 8};
  batch.columns[2].set_null(1);
  RecordWatch watch(schema, slots);
  watch.begin_file(slice.path);
  RecordExamples examples(5);
  watch.offer_first(examples, batch);
  ASSERT_EQ(examples.list().size(), 2u);
  EXPECT_EQ(examples.list()[0].record, R"({"t": "a\"b\u001b", "n": 7})");
  EXPECT_EQ(examples.list()[1].record, "{\"t\": \"" + umlauts.substr(0, 199) + "…\", \"n\": null}");
}

TEST(RecordWatch, SaysThatItMayWantAStretchOfRecordsWhereverOneOfThemWouldBecomeAnExample) {
  Schema schema;
  SlotPlan slots;
  const FileSlice slice = {.path = "f.log"};
  Batch batch;
  batch.slice = &slice;
  std::mt19937 random(1);
  for (uint64_t at = 0; at < 40 * RecordWatch::kBlockBytes; at += 1 + random() % 5000) {
    batch.offsets.push_back(at);
  }
  batch.rows = batch.offsets.size();
  RecordWatch watch(schema, slots);
  watch.begin_file(slice.path);
  RecordExamples examples(5);
  EXPECT_TRUE(watch.may_want(examples, batch, 0, 0));
  for (size_t row = 0; row < batch.rows; row += 7) watch.offer(examples, batch, row);
  size_t passed_by = 0;
  for (size_t first = 0; first < batch.rows; ++first) {
    const size_t last = std::min(first + random() % 64, batch.rows - 1);
    if (watch.may_want(examples, batch, first, last)) continue;
    ++passed_by;
    const std::string before = encoded(examples);
    for (size_t row = first; row <= last; ++row) watch.offer(examples, batch, row);
    ASSERT_EQ(encoded(examples), before) << first;
  }
  EXPECT_GT(passed_by, batch.rows / 8);
}

}  // namespace
}  // namespace shardmill
