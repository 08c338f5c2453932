// The reader of CSV agrees with others: with records that a public collection expects, with
// Python's reader on random files, and its fast kernel with the plain one.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>

#include "inputs/support/text_kernels.h"
#include "pipeline/base/message.h"
#include "tests/support/files.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_csv();

namespace {

/// All columns as text.
InputUnderTest csv(std::string content) {
  InputUnderTest input(input_csv(), {}, std::move(content));
  input.infer();
  for (InputColumn& column : input.schema().columns) column.type = Type::kText;
  return input;
}

nlohmann::json as_json(const ReadRecords& read, const InputSchema& schema) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Cells& cells : read.rows) {
    nlohmann::json row = nlohmann::json::object();
    for (size_t i = 0; i < cells.size(); ++i) row[schema.columns[i].name] = cells[i].value_or("");
    rows.push_back(row);
  }
  return rows;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char byte : text) out += byte == '\n' ? std::string("\r\n") : std::string(1, byte);
  return out;
}

TEST(CsvAgreement, EqualsTheRecordsOfCsvSpectrumWherePresent) {
  // The same kinds of file are cases of csv_test where the collection is not there.
  const std::filesystem::path folder = shared_data() / "conformance/csv-spectrum";
  size_t compared = 0;
  if (std::filesystem::exists(folder / "csvs")) {
    for (const auto& entry : std::filesystem::directory_iterator(folder / "csvs")) {
      const std::filesystem::path expected =
          folder / "json" / entry.path().filename().replace_extension(".json");
      // The copy at hand may have lost the CRs of its newlines; the expected records have not.
      std::string content = read_file(entry.path());
      const bool crlf = entry.path().stem().string().ends_with("_crlf");
      if (crlf && content.find('\r') == std::string::npos) content = with_crlf(content);
      InputUnderTest input = csv(content);
      for (const size_t chunk_bytes : {1, 64, 1 << 20}) {
        EXPECT_EQ(as_json(input.read_slices({.chunk_bytes = chunk_bytes}, 10), input.schema()),
                  nlohmann::json::parse(read_file(expected)))
            << entry.path();
      }
      ++compared;
    }
  }
  EXPECT_EQ(csv("a,b\n\"1\n2\",\"\"\"\"\n").read_whole({}).rows,
            (std::vector<Cells>{{"1\n2", "\""}}));
  RecordProperty("csv_spectrum_files", static_cast<int>(compared));
}

constexpr std::string_view kPythonReader = R"(
import csv, json, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="latin-1")))
rows = [row for row in rows if row]
print(json.dumps(rows))
)";

std::string random_csv(std::mt19937& random) {
  // No CR outside quotes but in CRLF: Python takes a lone one as a line end, we as data.
  static const char* const kPieces[] = {"a",        ",",  ",",    "\n",   "\n",    "\r\n",
                                        "\"",       "\"", "\"\"", "bc",   "\"x\"", ",\"y",
                                        "\"\"\"z,", " ",  "7",    "\",\""};
  std::string text = random() % 4 == 0 ? "h1,h2\r\n" : "h1,h2\n";
  for (unsigned left = random() % 60; left > 0; --left) text += kPieces[random() % 16];
  return text;
}

TEST(CsvAgreement, EqualsPythonsCsvModuleOnRandomNastyFiles) {
  TempFolder folder;
  folder.write("read.py", kPythonReader);
  std::mt19937 random(42);
  for (int round = 0; round < 60; ++round) {
    const std::string content = random_csv(random);
    const std::string path = folder.write("x.csv", content);
    const CommandResult python =
        run_command("/usr/bin/python3 " + folder.path().string() + "/read.py " + path);
    ASSERT_EQ(python.exit_code, 0) << python.output;
    nlohmann::json expected = nlohmann::json::parse(python.output);
    expected.erase(expected.begin());
    InputUnderTest input = csv(content);
    const ReadRecords read =
        input.read_slices({.chunk_bytes = 1 + random() % 40}, 1 + random() % 30);
    // Python keeps what a quote that is never closed swallows; we reject it.
    size_t good = 0;
    size_t rejected = 0;
    for (const nlohmann::json& row : expected) {
      if (row.size() != 2 || good == read.rows.size()) {
        ++rejected;
        continue;
      }
      Cells cells;
      for (const auto& cell : read.rows[good]) cells.push_back(cell.value_or(""));
      EXPECT_EQ(row, nlohmann::json({*cells[0], *cells[1]})) << quoted(content, 1000);
      ++good;
    }
    EXPECT_EQ(good, read.rows.size()) << quoted(content, 1000);
    EXPECT_EQ(rejected, read.rejects.size()) << quoted(content, 1000);
  }
}

TEST(TextKernels, FastAndPlainCsvMarksAreTheSame) {
  std::mt19937 random(3);
  const char kBytes[] = {'a', 'b', ',', '"', '\n', '\r', ',', '"'};
  for (int round = 0; round < 40000; ++round) {
    const size_t size = random() % 300;
    std::string text(size + kMarkSlack, '"');
    const unsigned density = 1 + random() % 12;
    for (size_t i = 0; i < size; ++i)
      text[i] = random() % density == 0 ? kBytes[random() % 8] : 'x';
    const std::string_view view(text.data(), size);
    const CsvBytes bytes = {.has_quote = random() % 5 != 0};
    const CsvState state = static_cast<CsvState>(random() % 3);
    CsvMarks fast, plain;
    fast.clear(size);
    plain.clear(size);
    ASSERT_EQ(mark_csv(view, bytes, state, fast), mark_csv_scalar(view, bytes, state, plain));
    ASSERT_EQ(fast.separator_count(), plain.separator_count());
    ASSERT_EQ(fast.newline_count(), plain.newline_count());
    ASSERT_EQ(fast.has_quotes(), plain.has_quotes());
    ASSERT_EQ(fast.has_cr(), plain.has_cr());
    for (size_t i = 0; i <= fast.separator_count(); ++i) {
      ASSERT_EQ(fast.separators()[i], plain.separators()[i]);
    }
  }
}

}  // namespace
}  // namespace shardmill
