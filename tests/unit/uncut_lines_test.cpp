// First stages that look at the text of a chunk find what they find in lines cut before.
#include "pipeline/core/uncut_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "pipeline/run/in_memory.h"
#include "pipeline/run/rejects.h"

namespace shardmill {
namespace {

/// Lines of few words, so that some hold what is looked for; empty ones, CRs and NULs among them.
std::string random_lines(std::mt19937_64& random, size_t bytes) {
  static constexpr std::string_view kWords[] = {
      "ERROR", "status=200", "status=5", "status=x", "user=7 path=/api", "user=17", "/api", "",
      "\r",    "a\rb",       "wörter",   "  two",    "EERROR",           "status=", "\t",   "z"};
  std::string text;
  while (text.size() < bytes) {
    for (size_t left = random() % 6; left > 0; --left) {
      text += kWords[random() % std::size(kWords)];
      if (random() % 3 == 0) text += ' ';
      if (random() % 50 == 0) text += '\0';
    }
    text += random() % 4 == 0 ? "\r\n" : "\n";
  }
  if (random() % 2 == 0) text += "status=9 ERROR user=1 path=/api\r";
  return text;
}

std::string encoded(const StageBooks& books) {
  ByteWriter writer;
  books.encode(writer);
  return writer.take();
}

InMemoryRun run(const std::string& stages, const std::string& chunk, const std::string& content) {
  const std::string text =
      "[input]\npaths = \"a.log\"\nformat = \"lines\"\nchunk_bytes = \"" + chunk + "\"\n" + stages;
  Problems problems;
  Job job = parse_job(text, "job.toml", {}, problems);
  auto done = run_in_memory(std::move(job), content, problems);
  EXPECT_TRUE(done.is_ok()) << done.status().message();
  return done.is_ok() ? std::move(*done) : InMemoryRun();
}

class FirstStage : public testing::TestWithParam<const char*> {};

// All records go through a stage that cuts them, or come to the stage as they were read.
TEST_P(FirstStage, FindsInUncutLinesWhatItFindsInCutOnes) {
  const std::string stage = GetParam();
  const std::string passes_all = "[[stage]]\nuse = \"keep\"\nwhere = \"len(line) >= 0\"\n";
  std::mt19937_64 random(11);
  uint64_t kept = 0;
  for (const size_t bytes : {0, 1, 40, 3'000, 400'000}) {
    const std::string content = random_lines(random, bytes);
    const InMemoryRun cut = run(passes_all + stage, "256KiB", content);
    for (const char* chunk : {"64B", "1000B", "256KiB"}) {
      if (bytes > 100'000 && std::string_view(chunk) == "64B") continue;
      SCOPED_TRACE(std::string(chunk) + " of " + std::to_string(content.size()));
      const InMemoryRun uncut = run(stage, chunk, content);
      ASSERT_EQ(uncut.records, cut.records);
      ASSERT_EQ(uncut.records_read, cut.records_read);
      ASSERT_EQ(uncut.books.size() + 1, cut.books.size());
      for (size_t i = 0; i < uncut.books.size(); ++i) {
        ASSERT_EQ(encoded(uncut.books[i]), encoded(cut.books[i + 1])) << i;
      }
      ASSERT_EQ(uncut.tables.size(), cut.tables.size());
      for (size_t i = 0; i < uncut.tables.size(); ++i) {
        ASSERT_EQ(table_rows_json(uncut.tables[i]), table_rows_json(cut.tables[i]));
      }
      ASSERT_EQ(uncut.bad_values, cut.bad_values);
      ASSERT_EQ(uncut.rejects.size(), cut.rejects.size());
      kept += uncut.records.size();
    }
  }
  EXPECT_GT(kept, 100u);
}

INSTANTIATE_TEST_SUITE_P(
    Stages, FirstStage,
    testing::Values(
        "[[stage]]\nuse = \"grep\"\npatterns = \"ERROR\"\n",
        "[[stage]]\nuse = \"grep\"\npatterns = \"R\"\n",
        "[[stage]]\nuse = \"grep\"\npatterns = \"error\"\nignore_case = true\n",
        "[[stage]]\nuse = \"grep\"\npatterns = 'user=(\\d+) path=/api'\n"
        "[[stage]]\nuse = \"count\"\nwords = true\n",
        "[[stage]]\nuse = \"grep\"\npatterns = '(\\w)\\1OR$'\n",
        "[[stage]]\nuse = \"grep\"\npatterns = 'z|ERROR'\n",
        "[[stage]]\nuse = \"grep\"\npatterns = 'ERROR'\ninvert = true\n",
        "[[stage]]\nuse = \"grep\"\npatterns = 'ERROR'\ncolumn = '$file'\ninvert = true\n",
        "[[stage]]\nuse = \"count\"\nwords = true\n",
        "[[stage]]\nuse = \"count\"\nwords = true\n[[stage]]\nuse = \"grep\"\npatterns = 'ERROR'\n",
        "[[stage]]\nuse = \"extract\"\npattern = 'status=(?P<s>\\S*)'\ntypes = { s = \"int\" }\n",
        "[[stage]]\nuse = \"extract\"\npattern = 'status=(?P<s>\\d+)(?P<t>.*)'\n"
        "types = { s = \"int\" }\nkeep = true\n",
        "[[stage]]\nuse = \"extract\"\npattern = 'user=(?P<u>\\d+) path=(?P<p>/a?)'\n"
        "types = { u = \"float\", p = \"bool\" }\n",
        "[[stage]]\nuse = \"extract\"\npattern = 'ERROR(?P<a> z)?(?P<b>.)?'\n"
        "types = { a = \"int\", b = \"int\" }\n",
        "[[stage]]\nuse = \"extract\"\npattern = '^(?P<a>.*)ERROR(?P<b>.*)$'\nkeep = true\n",
        "[[stage]]\nuse = \"extract\"\npattern = 'ERROR(?P<b>.*?)$'\n"
        "[[stage]]\nuse = \"derive\"\ncolumns = { o = \"`$offset`\" }\n"));

/// Text that nobody cuts.
class LeftAsItIs final : public UncutLines {
 public:
  LeftAsItIs(std::string_view text, uint64_t offset) {
    text_ = text;
    offset_ = offset;
  }
  void cut(Batch&) const override { FAIL() << "there is no need to"; }
  void make_room(Batch&, size_t) const override {}
  void cut_line(Batch&, size_t, size_t, size_t) const override {}
  void cut_lines(Batch&, size_t, std::span<const LineRange>) const override {}
};

TEST(UncutLines, RejectsHaveTheNumbersOfTheLinesOfTheFile) {
  const FileSlice slice = {.path = "a.log"};
  UnitRejectLog log(10);
  log.begin_slice(slice);
  for (const uint64_t offset : {0, 12}) {
    const LeftAsItIs lines("one\ntwo\nsix\n", offset);
    Batch batch;
    batch.slice = &slice;
    batch.rows = 3;
    batch.uncut = &lines;
    log.begin_read();
    log.see_batch(batch);
    batch.uncut = nullptr;  // as a stage does that keeps one line of them
    batch.rows = 1;
    batch.offsets = {offset + 4};
    log.reject("a.log", offset + 4, "two", 3, "why");
  }
  log.end_slice();
  ASSERT_EQ(log.rejects().kept().size(), 2u);
  EXPECT_EQ(log.rejects().kept()[0].ordinal, 1u);
  EXPECT_EQ(log.rejects().kept()[1].ordinal, 4u);
}

}  // namespace
}  // namespace shardmill
