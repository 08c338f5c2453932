// CSV: the records of one unit are those of many, whatever the chunks.
#include <gtest/gtest.h>

#include "pipeline/formats/byte_source.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_csv();

namespace {

Options dialect(Choices& choices) {
  Options options;
  constexpr const char* kDelimiters[] = {",", ";", "\t", "|"};
  options.set("delimiter", std::string(kDelimiters[choices.below(4)]), 1);
  constexpr const char* kQuotes[] = {"\"", "'", ""};
  options.set("quote", std::string(kQuotes[choices.below(3)]), 1);
  options.set("header", choices.below(2) == 0, 1);
  return options;
}

void require_same(const ReadRecords& a, const ReadRecords& b) {
  require(a.rows == b.rows, "other records");
  require(a.offsets == b.offsets, "other offsets");
  require(a.rejects == b.rejects, "other rejects");
  require(a.bad_values == b.bad_values, "other bad values");
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  GTEST_FLAG_SET(throw_on_failure, true);
  Choices choices(data, size);
  const Options options = dialect(choices);
  const unsigned slice = 1 + choices.below(40);
  InputUnderTest input(input_csv(), options, std::string(choices.rest()));
  if (detect_compression(input.content()) != Compression::kNone) return 0;
  input.infer();
  const ReadLimits large = {.chunk_bytes = 1 << 20, .record_bytes_max = 200};
  const ReadLimits small = {.chunk_bytes = 16, .record_bytes_max = 200};
  const ReadRecords whole = input.read_whole(large);
  require_same(whole, input.read_whole(small));
  if (whole.status.is_ok()) require_same(whole, input.read_slices(small, slice));
  return 0;
}
