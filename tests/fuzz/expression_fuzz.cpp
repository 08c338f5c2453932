// Expressions: any text is a mistake with a message or a value, the same for one record and for
// many.
#include <gtest/gtest.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/stage_runner.h"

namespace shardmill {
StageSpec stage_keep();
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  GTEST_FLAG_SET(throw_on_failure, true);
  const std::string text(reinterpret_cast<const char*>(data), size);
  static const std::vector<TestColumn> columns = {
      int_column("n", {1, -7, INT64_MAX, INT64_MIN, std::nullopt}),
      float_column("x", {0.0, -0.5, 1e308, std::nullopt, 3.25}),
      text_column("t", {"", "a b", "ümläut", "2026-01-31T00:00:00Z", std::nullopt}),
      bool_column("b", {true, false, std::nullopt, true, false}),
      time_column("w", {"2026-01-31T23:59:59Z", "1969-12-31T00:00:00Z", std::nullopt,
                        "2261-12-31T00:00:00Z", "2000-02-29T12:00:00Z"})};
  const StageSpec spec = stage_keep();
  const StageRun whole = run_stage(spec, {{"where", text}}, columns);
  const StageRun single = run_stage(spec, {{"where", text}}, columns, {.batch_rows = 1});
  require(whole.problems == single.problems, "other problems");
  require(whole.records == single.records, "other records in batches of one");
  return 0;
}
