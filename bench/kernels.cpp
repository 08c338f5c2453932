// The parts that work is made of, alone: what `scripts/bench --kernels` prints. Where a kernel has
// a plain version, it stands beside the fast one.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inputs/support/text_kernels.h"
#include "inputs/support/text_window.h"
#include "pipeline/core/registry.h"
#include "pipeline/formats/byte_source.h"
#include "pipeline/formats/compress.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/exact_sum.h"
#include "stages/support/group_table.h"
#include "stages/support/regex.h"
#include "stages/support/value_counter.h"
#include "stages/support/words.h"

namespace shardmill {

namespace {

constexpr size_t kTextBytes = 256 << 10;  // a chunk

/// Numbers that look random and are the same everywhere.
class Dice {
 public:
  uint64_t below(uint64_t bound) {  // splitmix64
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
  }

 private:
  uint64_t state_ = 1;
};

std::string digits(Dice& dice, uint64_t bound) {
  return std::to_string(dice.below(bound));
}

/// Lines until a chunk is full, and the bytes behind it that kernels may read.
template <typename Line>
std::string text_of(Line line) {
  Dice dice;
  std::string text;
  while (text.size() < kTextBytes) text += line(dice) + "\n";
  text.reserve(text.size() + kTextPadding);
  return text;
}

std::string log_text() {
  return text_of([](Dice& dice) {
    return "2026-03-01 12:00:00 INFO api-" + digits(dice, 8) + " path=/items/" +
           digits(dice, 100'000) + " status=200 bytes=" + digits(dice, 60'000) + " took=1.5ms";
  });
}

std::string csv_text() {
  return text_of([](Dice& dice) {
    const std::array<std::string, 3> products = {"lamp", "\"ink, blue\"", "desk"};
    return digits(dice, 1'000'000) + ",2026-01-31," + products[dice.below(3)] + "," +
           digits(dice, 300) + "." + digits(dice, 100) + ",0.25";
  });
}

std::string json_text() {
  return text_of([](Dice& dice) {
    return R"({"id":)" + digits(dice, 1'000'000) + R"(,"user":{"id":)" + digits(dice, 1000) +
           R"(,"country":"DE"},"ms":)" + digits(dice, 2000) + "." + digits(dice, 1000) +
           R"(,"tags":["a","north"],"ok":true})";
  });
}

std::string prose_text() {
  return text_of([](Dice& dice) {
    std::string line;
    for (size_t n = 6 + dice.below(12); n > 0; --n)
      line += std::string(2 + dice.below(9), static_cast<char>('a' + dice.below(26))) + " ";
    return line + "end.";
  });
}

void count_bytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

void count_items(benchmark::State& state, size_t items) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * items));
}

void newlines(benchmark::State& state, size_t (*kernel)(std::string_view)) {
  const std::string text = log_text();
  for (auto _ : state) benchmark::DoNotOptimize(kernel(text));
  count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(newlines, count, count_newlines);
BENCHMARK_CAPTURE(newlines, count_scalar, count_newlines_scalar);

void lines(benchmark::State& state, size_t (*kernel)(std::string_view, char, uint32_t*)) {
  const std::string text = log_text();
  std::vector<uint32_t> ends(text.size() + kMarkSlack);
  for (auto _ : state) benchmark::DoNotOptimize(kernel(text, '\n', ends.data()));
  count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(lines, find, find_bytes);
BENCHMARK_CAPTURE(lines, find_scalar, find_bytes_scalar);

void csv_marks(benchmark::State& state,
               CsvState (*kernel)(std::string_view, CsvBytes, CsvState, CsvMarks&)) {
  const std::string text = csv_text();
  CsvMarks marks;
  for (auto _ : state) {
    marks.clear(text.size());
    benchmark::DoNotOptimize(kernel(text, {}, CsvState::kFieldStart, marks));
  }
  count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(csv_marks, mark, mark_csv);
BENCHMARK_CAPTURE(csv_marks, mark_scalar, mark_csv_scalar);

void word_ends(benchmark::State& state, size_t (*kernel)(std::string_view, uint32_t*)) {
  const std::string text = prose_text();
  std::vector<uint32_t> ends(text.size() + 2);
  for (auto _ : state) benchmark::DoNotOptimize(kernel(text, ends.data()));
  count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(word_ends, find, find_words);
BENCHMARK_CAPTURE(word_ends, find_scalar, find_words_scalar);

void floats(benchmark::State& state, bool (*parse)(std::string_view, double&)) {
  Dice dice;
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(digits(dice, 300) + "." + digits(dice, 100));
  for (auto _ : state) {
    double value = 0;
    for (const std::string& text : texts) benchmark::DoNotOptimize(parse(text, value));
  }
  count_items(state, texts.size());
}
BENCHMARK_CAPTURE(floats, parse, parse_float);
BENCHMARK_CAPTURE(floats, parse_scalar, parse_float_scalar);

void ints(benchmark::State& state) {
  Dice dice;
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(digits(dice, 1'000'000));
  for (auto _ : state) {
    int64_t value = 0;
    for (const std::string& text : texts) benchmark::DoNotOptimize(parse_int(text, value));
  }
  count_items(state, texts.size());
}
BENCHMARK(ints)->Name("ints/parse");

/// What the columns of an input are, from a sample in memory.
void samples(benchmark::State& state, const std::string& format, const std::string& text) {
  const InputSpec* input = find_input(format);
  const FileSlice slice = {.path = "text." + format, .size_bytes = text.size(), .end = text.size()};
  const SampleFiles files = {.headers = {slice}, .types = {slice}, .content = &text};
  for (auto _ : state) {
    Problems problems;
    benchmark::DoNotOptimize(input->infer(Options(), ReadLimits(), files, problems));
  }
  count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(samples, csv, "csv", csv_text());
BENCHMARK_CAPTURE(samples, jsonl, "jsonl", json_text());

/// All columns of an input, from text in memory to columns.
void records(benchmark::State& state, const std::string& format, const std::string& text) {
  const InputSpec* input = find_input(format);
  const ReadLimits limits;
  const FileSlice slice = {.path = "text." + format, .size_bytes = text.size(), .end = text.size()};
  Problems problems;
  const SampleFiles samples = {.headers = {slice}, .types = {slice}, .content = &text};
  const InputSchema schema = *input->infer(Options(), limits, samples, problems);
  WantedColumns wanted;
  for (size_t slot = 0; slot < schema.columns.size(); ++slot) wanted.slots.emplace_back(slot);
  wanted.slot_count = schema.columns.size();
  const std::unique_ptr<BoundInput> bound = input->bind(Options(), schema, wanted);
  Batch batch;
  for (auto _ : state) {
    ReadContext context = {.limits = limits};
    context.content = &text;
    const std::unique_ptr<Reader> reader = std::move(*bound->open(slice, context));
    while (*reader->next(batch)) benchmark::DoNotOptimize(batch.rows);
  }
  count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(records, lines, "lines", log_text());
BENCHMARK_CAPTURE(records, csv, "csv", csv_text());
BENCHMARK_CAPTURE(records, jsonl, "jsonl", json_text());

void regex_groups(benchmark::State& state) {
  const std::string text = log_text();
  Message problem;
  const auto pattern = Pattern::compile(R"(status=(\d+) bytes=(\d+))", {}, "pattern", problem);
  PatternMatch match(*pattern);
  for (auto _ : state) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      const std::string_view line = std::string_view(text).substr(at, end - at);
      benchmark::DoNotOptimize(match.find(line));
      benchmark::DoNotOptimize(match.group(2));
      at = end + 1;
    }
  }
  count_bytes(state, text.size());
}
BENCHMARK(regex_groups);

/// Two short texts a row; the argument is how many different ones there are in all.
void groups(benchmark::State& state) {
  Dice dice;
  const size_t rows = 64 * GroupTable::kBlockRows;
  std::vector<std::string> texts;
  for (size_t i = 0; i < static_cast<size_t>(state.range(0)); ++i)
    texts.push_back("key " + std::to_string(i));
  Column first, second;
  first.prepare(Type::kText, rows);
  second.prepare(Type::kText, rows);
  for (size_t row = 0; row < rows; ++row) {
    const size_t group = dice.below(texts.size());
    first.text[row] = texts[group];
    second.text[row] = texts[group % 7];
  }
  const std::array<const Column*, 2> keys = {&first, &second};
  GroupTable table({Type::kText, Type::kText}, 1);
  KeyScratch scratch;
  std::vector<uint32_t> found(GroupTable::kBlockRows);
  for (auto _ : state) {
    for (size_t at = 0; at < rows; at += found.size())
      table.find_or_add(keys, {.first = at, .count = found.size()}, scratch, found.data());
  }
  count_items(state, rows);
}
BENCHMARK(groups)->Arg(10)->Arg(1'000)->Arg(100'000);

/// Counts values of which as many differ as the argument says: texts of 2 bytes to so many, ints if
/// that is 0.
void value_counts(benchmark::State& state, size_t text_bytes) {
  constexpr size_t kRows = 64 * 1024;
  const auto different = static_cast<size_t>(state.range(0));
  Dice dice;
  std::vector<std::string> texts;
  while (text_bytes > 0 && texts.size() < different) {
    const size_t size = 2 + dice.below(text_bytes - 1);
    texts.push_back(digits(dice, 1'000'000'000'000'000).substr(0, size));
  }
  Column column;
  column.prepare(texts.empty() ? Type::kInt : Type::kText, kRows);
  for (size_t row = 0; row < kRows; ++row) {
    const size_t value = dice.below(different);
    if (texts.empty()) {
      column.ints[row] = static_cast<int64_t>(value * 1'000'003);
    } else {
      column.text[row] = texts[value];
    }
  }
  GroupTable table({column.type}, 1);
  ValueScratch scratch;
  const std::unique_ptr<ValueCounter> counter = ValueCounter::make(column.type, 4 << 20);
  for (auto _ : state) counter->add(column, kRows, table, scratch);
  counter->flush(table, scratch);
  count_items(state, kRows);
}
BENCHMARK_CAPTURE(value_counts, ints, 0)->Arg(100);
BENCHMARK_CAPTURE(value_counts, texts_to_7_bytes, 7)->Arg(100);
BENCHMARK_CAPTURE(value_counts, texts_to_15_bytes, 15)->Arg(100)->Arg(20'000);

void exact_sums(benchmark::State& state) {
  Dice dice;
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<double>(dice.below(30'000)) / 100);
  ExactSum sum;
  for (auto _ : state) {
    for (const double value : values) sum.add(value);
  }
  benchmark::DoNotOptimize(sum.rounded());
  count_items(state, values.size());
}
BENCHMARK(exact_sums)->Name("exact_sum/add");

void unpacked(benchmark::State& state, std::string (*pack)(std::string_view, int)) {
  std::string plain;
  for (int i = 0; i < 16; ++i) plain += log_text();
  const std::string packed = pack(plain, 0);
  std::vector<char> room(kTextBytes);
  for (auto _ : state) {
    const std::unique_ptr<ByteSource> source = open_memory(packed, {.size_bytes = packed.size()});
    while (*source->read(room.data(), room.size()) > 0) benchmark::ClobberMemory();
  }
  count_bytes(state, plain.size());
}
BENCHMARK_CAPTURE(unpacked, gz, gzip_member);
BENCHMARK_CAPTURE(unpacked, zst, zstd_frame);

void packed(benchmark::State& state, std::string (*pack)(std::string_view, int)) {
  const std::string plain = log_text();
  for (auto _ : state) benchmark::DoNotOptimize(pack(plain, 0));
  count_bytes(state, plain.size());
}
BENCHMARK_CAPTURE(packed, gz, gzip_member);
BENCHMARK_CAPTURE(packed, zst, zstd_frame);

}  // namespace

}  // namespace shardmill

BENCHMARK_MAIN();
