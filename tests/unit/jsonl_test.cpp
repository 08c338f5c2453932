#include <gtest/gtest.h>

#include "tests/support/read_input.h"

namespace shardmill {
InputSpec input_jsonl();
namespace {
TEST(Jsonl, X) {
  InputUnderTest in(input_jsonl(), {}, "{\"a\":1,\"b\":{\"c\":\"x\\ny\"}}\n{\"a\":2.5}\n");
  in.infer();
  const ReadRecords read = in.read_whole({});
  EXPECT_EQ(read.rows, (std::vector<Cells>{{"1", "x\ny"}, {"2.5", std::nullopt}}));
}
}  // namespace
}  // namespace shardmill
