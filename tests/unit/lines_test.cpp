#include <gtest/gtest.h>

#include <random>

#include "inputs/support/text_kernels.h"
#include "pipeline/formats/compress.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_lines();

namespace {

ReadLimits limits(size_t chunk_bytes, size_t record_bytes_max = 64 << 20) {
  return {.chunk_bytes = chunk_bytes, .record_bytes_max = record_bytes_max};
}

InputUnderTest lines(std::string content) {
  InputUnderTest input(input_lines(), {}, std::move(content));
  input.infer();
  return input;
}

std::vector<Cells> rows(const std::vector<std::string>& texts) {
  std::vector<Cells> out;
  for (const std::string& text : texts) out.push_back({text});
  return out;
}

TEST(Lines, LineEndsAreNotPartOfTheLine) {
  const ReadRecords read = lines("a\nb\r\n\n\r\nc").read_whole(limits(64));
  EXPECT_EQ(read.rows, rows({"a", "b", "", "", "c"}));
  EXPECT_EQ(read.raw, (std::vector<std::string>{"a", "b\r", "", "\r", "c"}));
  EXPECT_EQ(read.offsets, (std::vector<uint64_t>{0, 2, 5, 6, 8}));
  EXPECT_TRUE(read.all_canonical);
}

TEST(Lines, TheLastLineNeedsNoNewline) {
  EXPECT_EQ(lines("a\nb").read_whole(limits(64)).rows, rows({"a", "b"}));
  EXPECT_EQ(lines("a\nb\n").read_whole(limits(64)).rows, rows({"a", "b"}));
  EXPECT_EQ(lines("\n").read_whole(limits(64)).rows, rows({""}));
  EXPECT_EQ(lines("").read_whole(limits(64)).rows, rows({}));
}

TEST(Lines, EveryOtherByteIsData) {
  const std::string odd("\xef\xbb\xbf\0x\r y\xff\n\ra\r\r\n", 15);
  const ReadRecords read = lines(odd).read_whole(limits(64));
  EXPECT_EQ(read.rows, rows({std::string("\xef\xbb\xbf\0x\r y\xff", 9), "\ra\r"}));
}

TEST(Lines, ACarriageReturnAtTheEndOfTheFileIsData) {
  EXPECT_EQ(lines("a\r").read_whole(limits(64)).rows, rows({"a\r"}));
}

std::string nasty_lines() {
  std::string text = "first\n\n\r\nwith cr\r\n";
  text += std::string(100, 'x') + "\n";
  text += std::string("nul\0byte\n", 9);
  text += std::string(70, 'y') + "\r\n\n\n";
  return text + "no newline at the end";
}

TEST(Lines, EveryCutGivesTheWholeFile) {
  const InputUnderTest input = lines(nasty_lines());
  const ReadRecords whole = input.read_whole(limits(1 << 20));
  ASSERT_EQ(whole.rows.size(), 10u);
  for (const size_t chunk_bytes : {1, 7, 64, 100, 4096}) {
    for (uint64_t cut = 1; cut < input.content().size(); ++cut) {
      const ReadRecords read = input.read_cut(limits(chunk_bytes), {cut});
      ASSERT_EQ(read.rows, whole.rows) << "cut " << cut << " chunk " << chunk_bytes;
      ASSERT_EQ(read.offsets, whole.offsets);
      ASSERT_EQ(read.raw, whole.raw);
    }
    for (uint64_t slice_bytes = 1; slice_bytes < 40; ++slice_bytes) {
      ASSERT_EQ(input.read_slices(limits(chunk_bytes), slice_bytes).rows, whole.rows);
    }
  }
}

TEST(Lines, AChunkHoldsNoMoreThanChunkBytesOrOneLine) {
  const InputUnderTest input = lines(nasty_lines());
  for (const size_t chunk_bytes : {1, 7, 64}) {
    EXPECT_LE(input.read_whole(limits(chunk_bytes)).longest_batch,
              std::max<size_t>(100, chunk_bytes));
  }
}

TEST(Lines, ALineThatIsTooLongIsRejectedWithItsOffset) {
  const std::string longer(51, 'x');
  const std::string content = "a\n" + longer + "\nb\n" + std::string(50, 'y') + "\n" +
                              std::string(5000, 'z') + "\r\nc\n" + longer;
  for (const size_t chunk_bytes : {1, 16, 64, 1 << 20}) {
    const ReadRecords read = lines(content).read_whole(limits(chunk_bytes, 50));
    EXPECT_EQ(read.rows, rows({"a", "b", std::string(50, 'y'), "c"}));
    ASSERT_EQ(read.rejects.size(), 3u);
    EXPECT_EQ(read.rejects[0].offset, 2u);
    EXPECT_EQ(read.rejects[0].record_bytes, 51u);
    EXPECT_EQ(read.rejects[0].bytes, longer);
    EXPECT_EQ(read.rejects[0].reason,
              "a record of 51 bytes, expected at most 50 bytes; raise `record_bytes_max` in "
              "[input] to read it");
    EXPECT_EQ(read.rejects[1].offset, 107u);
    EXPECT_EQ(read.rejects[1].record_bytes, 5001u);
    EXPECT_EQ(read.rejects[1].bytes, std::string(4096, 'z'));
    EXPECT_EQ(read.rejects[2].record_bytes, 51u);
    EXPECT_EQ(read.end.rejected_bytes, 51u + 5001u + 51u);
  }
}

TEST(Lines, TooLongLinesAreRejectedOnceAtEveryCut) {
  const InputUnderTest input =
      lines("a\n" + std::string(51, 'x') + "\nb\n" + std::string(130, 'y') + "\nc");
  const ReadRecords whole = input.read_whole(limits(1 << 20, 50));
  ASSERT_EQ(whole.rejects.size(), 2u);
  for (uint64_t cut = 1; cut < input.content().size(); ++cut) {
    const ReadRecords read = input.read_cut(limits(64, 50), {cut});
    ASSERT_EQ(read.rows, whole.rows) << "cut " << cut;
    ASSERT_EQ(read.rejects.size(), 2u) << "cut " << cut;
    ASSERT_EQ(read.rejects[1].offset, whole.rejects[1].offset);
    ASSERT_EQ(read.rejects[1].record_bytes, 130u);
  }
}

TEST(Lines, ADamagedFileGivesAllWholeLinesBeforeTheDamage) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  const std::string packed = gzip_member(text, 6);
  const InputUnderTest input = lines(packed.substr(0, packed.size() / 2));
  const ReadRecords read = input.read_whole(limits(1 << 20));
  EXPECT_EQ(read.status.code(), Code::kBadFile);
  ASSERT_GT(read.rows.size(), 1000u);
  ASSERT_LT(read.rows.size(), 5000u);
  EXPECT_EQ(read.rows[999], Cells{"line " + std::to_string(999 * 7919)});
  EXPECT_TRUE(read.rejects.empty());
  for (const size_t chunk_bytes : {1, 64, 4096}) {
    const ReadRecords again = input.read_whole(limits(chunk_bytes));
    EXPECT_EQ(again.status.message(), read.status.message());
    EXPECT_EQ(again.rows, read.rows);
  }
}

TEST(Lines, CountingNeedsNoColumn) {
  const std::string content = nasty_lines();
  const std::unique_ptr<BoundInput> input =
      input_lines().bind({}, {.columns = {{.name = "line"}}}, {.slots = {std::nullopt}});
  const FileSlice slice = {.path = "x.txt", .size_bytes = content.size()};
  for (const size_t chunk_bytes : {1, 64, 4096}) {
    ReadContext context = {.limits = limits(chunk_bytes)};
    context.content = &content;
    Result<std::unique_ptr<Reader>> reader = input->open(slice, context);
    ASSERT_TRUE(reader.is_ok());
    Batch batch;
    size_t count = 0;
    while (true) {
      const Result<bool> more = (*reader)->next(batch);
      ASSERT_TRUE(more.is_ok());
      if (!*more) break;
      EXPECT_TRUE(batch.columns.empty());
      count += batch.rows;
    }
    EXPECT_EQ(count, 10u);
    EXPECT_EQ((*reader)->end().records, 10u);
    EXPECT_EQ((*reader)->good_bytes(), content.size());
  }
}

TEST(TextKernels, FastAndPlainNewlinesAreTheSame) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    const size_t size = random() % 700;
    std::string text(size + kMarkSlack, '\n');
    const unsigned density = 1 + random() % 50;
    for (size_t i = 0; i < size; ++i) text[i] = random() % density == 0 ? '\n' : 'a';
    const std::string_view view(text.data(), size);
    std::vector<uint32_t> fast(size + kMarkSlack), plain(size + kMarkSlack);
    const size_t count = count_newlines_scalar(view);
    ASSERT_EQ(count_newlines(view), count);
    ASSERT_EQ(find_bytes(view, '\n', fast.data()), count);
    ASSERT_EQ(find_bytes_scalar(view, '\n', plain.data()), count);
    fast.resize(count);
    plain.resize(count);
    ASSERT_EQ(fast, plain);
  }
}

TEST(TextKernels, CountsMoreNewlinesThanAByteHolds) {
  const std::string text(1 << 20, '\n');
  EXPECT_EQ(count_newlines({text.data(), text.size() - kMarkSlack}), text.size() - kMarkSlack);
}

}  // namespace
}  // namespace shardmill
