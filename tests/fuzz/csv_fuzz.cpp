// CSV: the records of one unit are those of many, whatever the chunks; and the fast kernels find
// the structure that the plain ones find.
#include <gtest/gtest.h>

#include <algorithm>

#include "inputs/support/text_kernels.h"
#include "inputs/support/text_window.h"
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

/// The text as kernels want it: with room behind it.
void require_same_marks(std::string_view text, CsvBytes bytes) {
  std::string padded(text);
  padded.append(kTextPadding, '"');
  const std::string_view view = std::string_view(padded).substr(0, text.size());
  require(count_newlines(view) == count_newlines_scalar(view), "other newlines");
  std::vector<uint32_t> found(text.size() + kMarkSlack);
  std::vector<uint32_t> plain(text.size() + kMarkSlack);
  const size_t count = find_bytes(view, bytes.delimiter, found.data());
  require(count == find_bytes_scalar(view, bytes.delimiter, plain.data()), "other bytes");
  require(std::equal(found.begin(), found.begin() + static_cast<ptrdiff_t>(count), plain.begin()),
          "bytes elsewhere");
  for (const CsvState state : {CsvState::kFieldStart, CsvState::kInField, CsvState::kInQuoted}) {
    CsvMarks fast;
    CsvMarks slow;
    fast.clear(text.size());
    slow.clear(text.size());
    require(mark_csv(view, bytes, state, fast) == mark_csv_scalar(view, bytes, state, slow),
            "another state behind the text");
    require(fast.separator_count() == slow.separator_count(), "other separators");
    require(fast.newline_count() == slow.newline_count(), "other rows");
    require(fast.has_quotes() == slow.has_quotes(), "other quotes");
    require(fast.has_cr() == slow.has_cr(), "other CRs");
    require(std::equal(fast.separators(), fast.separators() + fast.separator_count() + 1,
                       slow.separators()),
            "separators elsewhere");
  }
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
  const std::string delimiter = options.text("delimiter");
  const std::string quote = options.text("quote");
  require_same_marks(input.content(), {.delimiter = delimiter[0],
                                       .quote = quote.empty() ? '"' : quote[0],
                                       .has_quote = !quote.empty()});
  return 0;
}
