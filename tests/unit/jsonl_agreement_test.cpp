// The fast reader of JSON lines, the plain one and another library agree: on random records, on
// public suites of conformance and on real files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

#include "inputs/support/json_extract.h"
#include "inputs/support/json_index.h"
#include "pipeline/formats/byte_source.h"
#include "tests/support/files.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_jsonl();

namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;

const std::vector<JsonColumn> kOddColumns = {
    {"a", Type::kText, 0}, {"a.b", Type::kText, 1},   {"a.b.c", Type::kText, 2},
    {"b", Type::kInt, 3},  {"c.a", Type::kFloat, 4},  {"", Type::kBool, 5},
    {"c", Type::kText, 6}, {"b.c.a", Type::kTime, 7},
};

InputUnderTest inferred_input(std::string content) {
  InputUnderTest input(input_jsonl(), {}, std::move(content));
  input.infer();
  return input;
}

InputUnderTest odd_input(const std::string& content) {
  InputUnderTest input(input_jsonl(), {}, content);
  for (const JsonColumn& column : kOddColumns) {
    input.schema().columns.push_back({.name = column.name, .type = column.type});
  }
  return input;
}

class RandomJson {
 public:
  explicit RandomJson(unsigned seed) : random_(seed) {}

  // An object a line, about a third of them damaged.
  std::string line() {
    std::string out;
    object(out, 0);
    if (below(3) == 0) {
      for (size_t changes = 1 + below(2); changes > 0; --changes) damage(out);
    }
    return out;
  }

  size_t below(size_t n) { return random_() % n; }

 private:
  const char* pick(std::initializer_list<const char*> choices) {
    return choices.begin()[below(choices.size())];
  }
  void space(std::string& out) {
    if (below(8) == 0) out += pick({" ", "  ", "\t", "\r", " \t "});
  }

  void object(std::string& out, size_t depth) {
    out += '{';
    for (size_t members = below(5), i = 0; i < members; ++i) {
      space(out);
      out += '"';
      out += pick(
          {"a", "b", "c", "a.b", "b.c", "a.b.c", "", "\\u0061", "x", "key", "a\\n", "\xc3\xa9"});
      out += '"';
      space(out);
      out += ':';
      value(out, depth + 1);
      if (i + 1 < members) out += ',';
    }
    space(out);
    out += '}';
  }

  void value(std::string& out, size_t depth) {
    space(out);
    const size_t kind = below(depth > 4 ? 4 : 7);
    if (kind < 2) {
      out +=
          pick({"0", "-1", "12", "1.5", "-0.0", "1e3", "2E-5", "9223372036854775807",
                "9223372036854775808", "123456789012345678901234567890", "true", "false", "null"});
    } else if (kind < 4) {
      out += pick({"\"\"", "\"text\"", "\"\\\"\"", "\"\\\\\"", "\"{\\\"a\\\":1}\"",
                   "\"\\ud83d\\ude00\"", "\"\xe2\x82\xac\"", "\"2026-01-31\"", "\"NaN\"",
                   "\"[,:]\"", "\"\\/\\u00e9\""});
    } else if (kind < 6) {
      object(out, depth);
    } else {
      out += '[';
      for (size_t items = below(4), i = 0; i < items; ++i) {
        value(out, depth + 1);
        if (i + 1 < items) out += ',';
      }
      space(out);
      out += ']';
    }
    space(out);
  }

  void damage(std::string& out) {
    static constexpr std::string_view kBytes =
        "{}[]:,\"\\ 0123456789.eE+-tfn/'\t\r\x01\x0c\x1a\x7f\xff\xc3\xa9\xed\xa0\xf0";
    const size_t at = below(out.size());
    switch (below(3)) {
      case 0:
        out.erase(at, 1 + below(3));
        break;
      case 1:
        out.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      default:
        out[at] = kBytes[below(kBytes.size())];
    }
    if (out.empty()) out = "{";
  }

  std::mt19937 random_;
};

Cell cell_of(const Column& column) {
  if (column.is_null(0)) return std::nullopt;
  char digits[40];
  switch (column.type) {
    case Type::kText:
      return std::string(column.text[0]);
    case Type::kBool:
      return column.bools[0] != 0 ? "true" : "false";
    case Type::kFloat:
      std::snprintf(digits, sizeof digits, "%.17g", column.floats[0]);
      return digits;
    default:
      return std::to_string(column.ints[0]);
  }
}

// Every line by the plain reader alone.
ReadRecords read_plainly(const std::string& content) {
  ReadRecords out;
  std::vector<std::string> names;
  for (const JsonColumn& column : kOddColumns) names.push_back(column.name);
  const JsonPaths paths(names);
  JsonColumns columns(kOddColumns);
  JsonExtractor extractor(paths, columns);
  const FileSlice slice;
  SliceEnd end;
  RejectCounter rejects(slice, nullptr, end);
  Batch batch;
  batch.columns.resize(kOddColumns.size());
  size_t begin = 0;
  while (begin < content.size()) {
    const size_t newline = content.find('\n', begin);
    const std::string_view line = std::string_view(content).substr(begin, newline - begin);
    begin = newline + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    columns.begin_batch(batch, 1);
    columns.begin_record(0);
    if (extractor.extract(line)) {
      columns.undo_record();
      ++end.rejected;
      continue;
    }
    columns.end_record(0, rejects);
    Cells cells;
    for (const Column& column : batch.columns) cells.push_back(cell_of(column));
    out.rows.push_back(cells);
  }
  out.end = end;
  return out;
}

// The member that a path means, by the rule in json_paths.h, looked up in a parsed record.
const Json* look_up(const Json& object, const std::string& path) {
  if (!object.is_object()) return nullptr;
  for (size_t end = path.size(); end != std::string::npos;
       end = end == 0 ? std::string::npos : path.rfind('.', end - 1)) {
    const auto at = object.find(path.substr(0, end));
    if (at == object.end()) continue;
    if (end == path.size()) return &*at;
    if (const Json* found = look_up(*at, path.substr(end + 1))) return found;
  }
  return nullptr;
}

TEST(JsonlRandom, FastAndPlainReaderAgree) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    RandomJson random(seed);
    std::string content;
    for (int i = 0; i < 400; ++i) content += random.line() + "\n";
    const ReadRecords plain = read_plainly(content);
    const size_t chunk_bytes = seed % 4 == 0 ? 100 : 256 << 10;
    const ReadRecords fast = odd_input(content).read_whole({.chunk_bytes = chunk_bytes});
    for (size_t row = 0; row < std::min(fast.rows.size(), plain.rows.size()); ++row) {
      ASSERT_EQ(fast.rows[row], plain.rows[row]) << "seed " << seed << ", row " << row;
    }
    ASSERT_EQ(fast.rows.size(), plain.rows.size()) << "seed " << seed;
    ASSERT_EQ(fast.end.rejected, plain.end.rejected) << "seed " << seed;
    ASSERT_EQ(fast.end.bad_values, plain.end.bad_values) << "seed " << seed;
    EXPECT_GT(plain.rows.size(), 100u);
    EXPECT_GT(plain.end.rejected, 20u);
  }
}

// Lines of a few makes, as programs write them, some of them damaged.
std::string lines_of_few_makes(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](std::initializer_list<const char*> choices) {
    return std::string(choices.begin()[random() % choices.size()]);
  };
  const auto scalar = [&] {
    return pick({"0",
                 "7",
                 "-3",
                 "12345678",
                 "123456789",
                 "1.5",
                 "-0.25",
                 "183.058",
                 "2e-7",
                 "1E+09",
                 "true",
                 "false",
                 "null",
                 "\"\"",
                 "\"text\"",
                 "\"a\\\"b\"",
                 "\"a longer text of more than sixteen bytes\"",
                 "\"\\u00e9\"",
                 "\"\xc3\xa9\"",
                 "123456789012345678901234567890123456789",
                 "0.1000000000000000055511151231"});
  };
  const std::string space = pick({"", "", " "});
  std::string content;
  for (int i = 0; i < 500; ++i) {
    std::string line;
    const auto add = [&](const std::string& key) {
      line += (line.empty() ? "" : ",") + space + "\"" + key + "\":" + space + scalar();
    };
    const auto make = random() % 4;
    for (const char* key : {"id", "a", "c"}) add(key);
    if (make == 0)
      line += ",\"b\":{\"c\":" + scalar() + ",\"d\":[" + scalar() + "," + scalar() + "]}";
    if (make == 1) line += ",\"e\":[{\"x\":" + scalar() + "}]";
    if (make == 2) add("a_key_that_is_longer_than_a_part_of_a_literal");
    line = "{" + line + "}" + pick({"", "", "", "\r", " "});
    if (random() % 16 == 0) {
      static constexpr std::string_view kBytes = "{}[]:,\"\\ 01-.etn\t\x01\xff";
      line[random() % line.size()] = kBytes[random() % kBytes.size()];
    }
    content += line + "\n";
  }
  return content;
}

void expect_read_alike_by_both(const std::string& content, unsigned seed) {
  const ReadRecords plain = read_plainly(content);
  const ReadRecords fast = odd_input(content).read_whole({});
  for (size_t row = 0; row < std::min(fast.rows.size(), plain.rows.size()); ++row) {
    ASSERT_EQ(fast.rows[row], plain.rows[row]) << "seed " << seed << ", row " << row;
  }
  ASSERT_EQ(fast.rows.size(), plain.rows.size()) << "seed " << seed;
  ASSERT_EQ(fast.end.rejected, plain.end.rejected) << "seed " << seed;
  ASSERT_EQ(fast.end.bad_values, plain.end.bad_values) << "seed " << seed;
  EXPECT_GT(plain.rows.size(), 400u);
  EXPECT_GT(plain.end.rejected, 5u);
}

TEST(JsonlRandom, RecordsOfFewMakesAreReadAlikeByBoth) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    expect_read_alike_by_both(lines_of_few_makes(seed), seed);
  }
}

// Hardly two of them of one make, so that it does not pay to compare them.
std::string lines_of_many_makes(unsigned seed) {
  std::mt19937 random(seed);
  std::string content;
  for (int i = 0; i < 2000; ++i) {
    std::string line = "\"id\":" + std::to_string(i);
    for (char key = 'A'; key <= 'Z'; ++key) {
      if (random() % 2 == 0) line += std::string(",\"") + key + "\":\"" + key + "\"";
    }
    content += "{" + line + (random() % 64 == 0 ? "\n" : "}\n");
  }
  return content;
}

TEST(JsonlRandom, RecordsOfManyMakesAmongThoseOfFewAreReadAlikeByBoth) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    expect_read_alike_by_both(
        lines_of_few_makes(seed) + lines_of_many_makes(seed) + lines_of_few_makes(seed), seed);
  }
}

TEST(JsonlRandom, AnotherLibraryTakesTheSameRecordsAndFindsTheSameValues) {
  const std::regex huge_exponent("[eE][+]?[0-9]{3}");  // which the other library rejects
  size_t compared = 0;
  size_t found = 0;
  for (unsigned seed = 100; seed < 120; ++seed) {
    RandomJson random(seed);
    for (int i = 0; i < 200; ++i) {
      const std::string line = random.line();
      if (line.find_first_of("\n") != std::string::npos || std::regex_search(line, huge_exponent)) {
        continue;
      }
      const ReadRecords records = odd_input(line + "\n").read_whole({});
      const Json parsed = Json::parse(line, nullptr, false);
      const bool is_sound = !parsed.is_discarded() && parsed.is_object();
      const bool is_blank = line.find_first_not_of(" \t\r") == std::string::npos;
      ASSERT_EQ(records.rows.size(), is_sound ? 1u : 0u) << line;
      ASSERT_EQ(records.rejects.size(), is_sound || is_blank ? 0u : 1u) << line;
      if (!is_sound) continue;
      ++compared;
      for (size_t c = 0; c < kOddColumns.size(); ++c) {
        if (kOddColumns[c].type != Type::kText) continue;
        const Json* value = look_up(parsed, kOddColumns[c].name);
        const Cell& cell = records.rows[0][c];
        ASSERT_EQ(cell.has_value(), value != nullptr && !value->is_null()) << line;
        if (!cell) continue;
        ++found;
        ASSERT_EQ(value->is_string() ? Json(*cell) : Json::parse(*cell), *value) << line;
      }
    }
  }
  EXPECT_GT(compared, 2000u);
  EXPECT_GT(found, 1000u);
}

TEST(JsonlRandom, BytesThatAreNoJsonAreRejectedAlikeByBoth) {
  std::mt19937 random(7);
  static constexpr std::string_view kBytes = "{}[]:,\"\\ 01-.e\"{}:,tn\t\r\x0c\xc3\xa9";
  std::string content;
  for (int i = 0; i < 20'000; ++i) {
    content += '{';
    for (size_t length = random() % 12; length > 0; --length) {
      content += kBytes[random() % kBytes.size()];
    }
    content += "\n";
  }
  const ReadRecords plain = read_plainly(content);
  const ReadRecords fast = odd_input(content).read_whole({});
  EXPECT_EQ(fast.rows, plain.rows);
  EXPECT_EQ(fast.end.rejected, plain.end.rejected);
  EXPECT_GT(plain.rows.size(), 10u);
}

TEST(JsonlIndex, TheFastWayIsThereUnlessItIsForbidden) {
  const char* simd = std::getenv("SHARDMILL_SIMD");
  const bool forbidden = simd != nullptr && std::string_view(simd) == "scalar";
  EXPECT_EQ(JsonIndex().available(), !forbidden);
}

// ------------------------------------------------------------------------------------------------
// Files of others, where they are present; the cases above cover the same rules without them.

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The JSON text as the value of the one column of a record.
ReadRecords read_wrapped(const std::string& text) {
  return odd_input("{\"c\":" + text + "}\n").read_whole({});
}

void expect_verdict(const std::filesystem::path& file, bool sound) {
  const std::string text = read_file(file);
  EXPECT_EQ(!scan_json(text, nullptr), sound) << file;
  if (text.find('\n') != std::string::npos) return;
  const ReadRecords records = read_wrapped(text);
  EXPECT_EQ(records.rejects.empty(), sound) << file;
  if (!sound) return;
  ASSERT_THAT(records.rows, SizeIs(1)) << file;
  const Cell& cell = records.rows[0][6];
  const Json expected = Json::parse(text);
  if (expected.is_null()) {
    EXPECT_EQ(cell, std::nullopt) << file;
  } else {
    ASSERT_TRUE(cell.has_value()) << file;
    EXPECT_EQ(expected.is_string() ? Json(*cell) : Json::parse(*cell), expected) << file;
  }
}

TEST(JsonScan, FindsWhatEndsOrBreaksAStringAtEachOfItsBytes) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        const auto mistake = scan_json("\"" + text + "\"", nullptr);
        const bool ends = byte == '"';
        const bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '\\' && !ends;
        ASSERT_EQ(!mistake, is_plain) << size << " " << at << " " << byte;
        if (is_plain) continue;
        const bool escapes_the_end = byte == '\\' && at + 1 == size;
        const size_t expected = escapes_the_end ? size + 2 : 1 + at + (ends ? 1 : 0);
        ASSERT_EQ(mistake->position, expected) << size << " " << at << " " << byte;
      }
    }
  }
}

TEST(JsonlConformance, JsonTestSuiteAgrees) {
  const auto files = files_in(shared_data() / "conformance/json-JSONTestSuite/test_parsing");
  for (const auto& file : files) {
    const char verdict = file.filename().string()[0];
    if (verdict != 'i') {
      expect_verdict(file, verdict == 'y');
      continue;
    }
    // Free to decide: both readers decide alike.
    const std::string text = read_file(file);
    if (text.find('\n') != std::string::npos) continue;
    const std::string record = "{\"c\":" + text + "}\n";
    EXPECT_EQ(odd_input(record).read_whole({}).rows, read_plainly(record).rows) << file;
  }
  // The same rules hold without the files.
  EXPECT_EQ(!scan_json("[1e5, \"\\u0061\", {\"a\":[]}, -0, true] ", nullptr), true);
  EXPECT_EQ(!scan_json("[1,]", nullptr), false);
}

TEST(JsonlConformance, NativeJsonAgrees) {
  const std::filesystem::path folder = shared_data() / "jsonl/nativejson";
  for (const auto& file : files_in(folder / "jsonchecker")) {
    const std::string name = file.filename().string();
    if (name.find("EXCLUDE") != std::string::npos) continue;
    EXPECT_EQ(!scan_json(read_file(file), nullptr), name.starts_with("pass")) << file;
  }
  for (const auto& file : files_in(folder / "roundtrip")) expect_verdict(file, true);
  EXPECT_EQ(!scan_json("[\"tab\tin string\"]", nullptr), false);
  if (!std::filesystem::exists(folder / "twitter.json")) return;
  // Its statuses as lines, and each of their fields against the other library.
  const Json document = Json::parse(read_file(folder / "twitter.json"));
  std::string content;
  for (const Json& status : document["statuses"]) content += status.dump() + "\n";
  InputUnderTest input = inferred_input(content);
  const ReadRecords records = input.read_whole({.chunk_bytes = 10'000});
  ASSERT_EQ(records.rows.size(), document["statuses"].size());
  for (size_t row = 0; row < records.rows.size(); ++row) {
    for (size_t c = 0; c < input.schema().columns.size(); ++c) {
      const InputColumn& column = input.schema().columns[c];
      const Json* value = look_up(document["statuses"][row], column.name);
      const Cell& cell = records.rows[row][c];
      ASSERT_EQ(cell.has_value(), value != nullptr && !value->is_null()) << column.name;
      if (!cell || column.type == Type::kFloat) continue;
      EXPECT_EQ(value->is_string() ? Json(*cell) : Json::parse(*cell), *value) << column.name;
    }
  }
}

// All members of a flat file, which are text, against the other library.
void expect_same_text(const std::string& content) {
  InputUnderTest input = inferred_input(content);
  const ReadRecords records = input.read_slices({}, 100'000);
  EXPECT_THAT(records.rejects, IsEmpty());
  std::istringstream lines(content);
  std::string line;
  size_t row = 0;
  while (std::getline(lines, line)) {
    const Json expected = Json::parse(line);
    ASSERT_LT(row, records.rows.size());
    for (size_t c = 0; c < input.schema().columns.size(); ++c) {
      const InputColumn& column = input.schema().columns[c];
      EXPECT_EQ(column.type, Type::kText);
      EXPECT_EQ(records.rows[row][c], expected[column.name].get<std::string>());
    }
    ++row;
  }
  EXPECT_EQ(row, records.rows.size());
}

TEST(JsonlConformance, RealFilesGiveTheSameText) {
  const std::string own =
      "{\"task_id\":\"x/0\",\"prompt\":\"def f():\\n    \\\"\\\"\\\"doc\\\"\\\"\\\"\\n\"}\n"
      "{\"task_id\":\"x/1\",\"prompt\":\"\\u03b1 \\\\ \\/\"}\n";
  expect_same_text(own);
  const std::filesystem::path questions = shared_data() / "jsonl/gsm8k-test.jsonl";
  if (std::filesystem::exists(questions)) expect_same_text(read_file(questions));
  const std::filesystem::path packed = shared_data() / "jsonl/human-eval/HumanEval.jsonl.gz";
  if (!std::filesystem::exists(packed)) return;
  auto source = open_file(packed.string(), {.size_bytes = std::filesystem::file_size(packed)});
  ASSERT_TRUE(source.is_ok());
  std::string content(4 << 20, '\0');
  size_t size = 0;
  while (true) {
    const auto more = (*source)->read(content.data() + size, content.size() - size);
    ASSERT_TRUE(more.is_ok());
    if (*more == 0) break;
    size += *more;
  }
  content.resize(size);
  expect_same_text(content);
}

}  // namespace
}  // namespace shardmill
