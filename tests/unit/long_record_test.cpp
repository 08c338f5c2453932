// A long record takes memory for its bytes, not several times that for marks of each byte.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "pipeline/base/heap.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/input.h"

namespace shardmill {

InputSpec input_csv();
InputSpec input_jsonl();

namespace {

constexpr size_t kMiB = 1 << 20;
constexpr size_t kLong = 32 * kMiB;

class LongRecord : public testing::Test {
 protected:
  ~LongRecord() override { limit_heap(0); }

  /// The sum of column a, an int, as it is read in little more than two long records.
  static int64_t sum_in_little_memory(const InputSpec& spec, const std::string& content) {
    const InputSchema schema = {.columns = {{.name = "a", .type = Type::kInt}}};
    WantedColumns wanted;
    wanted.slots = {0};
    wanted.slot_count = 1;
    const std::unique_ptr<BoundInput> input = spec.bind(Options(), schema, wanted);
    const FileSlice slice = {.path = "long." + spec.extensions[0], .size_bytes = content.size()};
    ReadContext context;
    context.content = &content;
    limit_heap(heap_bytes() + 2 * kLong + 8 * kMiB);  // buffers double when they grow
    Result<std::unique_ptr<Reader>> reader = input->open(slice, context);
    EXPECT_TRUE(reader.is_ok());
    Batch batch;
    int64_t sum = 0;
    while (true) {
      const Result<bool> more = (*reader)->next(batch);
      EXPECT_TRUE(more.is_ok()) << more.status().message();
      if (!more.is_ok() || !*more) return sum;
      for (size_t row = 0; row < batch.rows; ++row) sum += batch.columns[0].ints[row];
    }
  }
};

TEST_F(LongRecord, OfJsonLinesTakesNoRoomForMarks) {
  const std::string text(kLong - 100, 'y');
  for (const char* end : {"\n", "", "\n{\"a\":4}\n"}) {
    const std::string content = "{\"a\":1}\n{\"a\":2,\"b\":\"" + text + "\"}" + end;
    EXPECT_EQ(sum_in_little_memory(input_jsonl(), content), content.ends_with("4}\n") ? 7 : 3);
  }
}

TEST_F(LongRecord, OfCsvTakesNoRoomForMarks) {
  std::string text;
  while (text.size() < kLong - 100) text += "y\n,,";
  for (const char* end : {"\n", "", "\r\n4,z\n"}) {
    const std::string content = "a,b\n1,x\n2,\"" + text + "\"" + end;
    EXPECT_EQ(sum_in_little_memory(input_csv(), content), content.ends_with("z\n") ? 7 : 3);
  }
}

}  // namespace
}  // namespace shardmill
