// The first promise: the same bytes on any layout. Every stage of the registry takes part through
// its examples, without a line here; further cases are jobs whose order of work would show if
// anything depended on it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/core/registry.h"
#include "pipeline/formats/compress.h"
#include "tests/support/example_cases.h"
#include "tests/support/files.h"
#include "tests/support/hdf5_files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

/// Files of different length from the lines of one small file: rotated, repeated, one of them
/// compressed, one without a final newline, one empty. The first line stays first if it is a
/// header.
void write_variations(const TempFolder& folder, const std::vector<std::string>& lines,
                      const std::string& extension, bool has_header) {
  const size_t first = has_header && !lines.empty() ? 1 : 0;
  const std::string header = first == 1 ? lines[0] + "\n" : "";
  const size_t count = lines.size() - first;
  for (size_t file = 0; file < 5; ++file) {
    std::string content = header;
    for (size_t i = 0; count > 0 && i < count * (3 + 11 * file); ++i) {
      content += lines[first + (i + file) % count] + "\n";
    }
    if (file == 2) content.pop_back();
    const std::string name = fmt::format("data/part {}.{}", file, extension);
    if (file == 3) {
      folder.write(name + ".gz", gzip_member(content, 0));
    } else {
      folder.write(name, content);
    }
  }
  folder.write("data/empty." + extension, "");
}

std::string extension_of(const std::string& format) {
  return format == "lines" ? "txt" : format;
}

std::string input_table(const TempFolder& folder, const std::string& format,
                        const std::string& options) {
  return fmt::format("[input]\npaths = [\"{}/data\"]\nformat = \"{}\"\n{}\n",
                     folder.path().string(), format, options);
}

/// The options of an example's stage, with the files that it reads written to the folder.
std::string stage_options(const TempFolder& folder, const StageExample& example) {
  std::string options = example.stage;
  for (const auto& [path, lines] : example.files) {
    std::string content;
    for (const std::string& line : lines) content += line + "\n";
    const std::string written = folder.write("files/" + path, content);
    const size_t at = options.find(path);
    EXPECT_NE(at, std::string::npos) << path;
    if (at != std::string::npos) options.replace(at, path.size(), written);
  }
  return options;
}

class StageMatrix : public testing::TestWithParam<ExampleCase> {};

TEST_P(StageMatrix, GivesTheSameBytesOnEveryLayout) {
  const StageExample& example = *GetParam().example;
  const TempFolder folder;
  const bool has_header = example.input_format == "csv" &&
                          example.input_options.find("header = false") == std::string::npos;
  write_variations(folder, example.input, extension_of(example.input_format), has_header);
  std::string job = "name = \"matrix\"\n" +
                    input_table(folder, example.input_format, example.input_options) +
                    fmt::format("[[stage]]\nuse = \"{}\"\n{}\n", GetParam().spec->name,
                                stage_options(folder, example));
  // What a stage passes on is seen through a writer behind it.
  if (GetParam().spec->kind != StageKind::kWrite) {
    job += "[[stage]]\nuse = \"write\"\npath = \"passed.jsonl\"\n";
  }
  const RunFiles files = expect_same_on(all_layouts(), job);
  EXPECT_EQ(files.description.books_problems, std::vector<std::string>());
  EXPECT_GT(files.description.records, 0u);
}

INSTANTIATE_TEST_SUITE_P(EveryStage, StageMatrix, testing::ValuesIn(example_cases()),
                         [](const auto& test) { return test.param.label; });

TEST(Matrix, FloatSumsDoNotDependOnTheOrder) {
  const TempFolder folder;
  const char* const values[] = {"1e300", "3.14159", "-1e300", "1e-300", "1e16",  "1",
                                "-1e16", "0.1",     "1e-17",  "-0.3",   "2e250", "-2e250"};
  std::vector<std::string> lines = {"k,x"};
  for (size_t i = 0; i < 997; ++i)
    lines.push_back(fmt::format("k{},{}", i % 3, values[i * 7 % 12]));
  write_variations(folder, lines, "csv", true);
  const RunFiles files = expect_same_on(
      all_layouts(),
      "name = \"sums\"\n" + input_table(folder, "csv", "types = { x = \"float\" }") + R"toml(
[[stage]]
use = "group"
by = ["k"]
compute = ["count()", "sum(x)", "mean(x)", "var(x)", "std(x)", "p50(x)", "p99(x)", "distinct(x)"]
)toml");
  EXPECT_NE(files.contents.at("results.json").find("sum(x)"), std::string::npos);
}

TEST(Matrix, Hdf5IsTheSameHoweverItIsStoredAndCut) {
  serve_hdf5_by_built_program();
  const TempFolder folder;
  std::filesystem::create_directories(folder.path() / "data");
  const StoredAs stored[] = {{},
                             {.chunk_rows = 64},
                             {.chunk_rows = 37, .shuffle = true, .deflate = 4},
                             {.chunk_rows = 1000, .deflate = 1, .fletcher32 = true}};
  for (size_t i = 0; i < std::size(stored); ++i) {
    write_hdf5_records((folder.path() / fmt::format("data/{}.h5", i)).string(), 300 + 211 * i,
                       stored[i]);
  }
  folder.write("data/broken.h5", "\x89HDF\r\n\x1a\nand nothing more");
  const std::string hdf5 = "name = \"hdf5\"\n" + input_table(folder, "hdf5", "");
  const RunFiles files = expect_same_on(sample_layouts(), hdf5 + R"toml(
[[stage]]
use = "keep"
where = "id % 5 != 2"
[[stage]]
use = "group"
by = ["kind", "code"]
compute = ["count()", "sum(x)", "mean(`m.1`)", "max(name)", "max(level)"]
[[stage]]
use = "write"
path = "kept.jsonl"
)toml");
  EXPECT_EQ(files.description.books_problems, std::vector<std::string>());
  EXPECT_EQ(files.description.records, 300u + 511 + 722 + 933);
  EXPECT_NE(files.contents.at("output/kept.jsonl")
                .find(R"({"code":"c1","id":1,"kind":"green","level":2.5,"m.0":3,"m.1":4,"m.2":5,)"
                      R"("name":"name 1 x","x":-19.125})"),
            std::string::npos);
  const RunFiles counted = expect_same_on(sample_layouts(), hdf5 + R"(
[[stage]]
use = "count"
)");
  EXPECT_EQ(counted.description.records, 300u + 511 + 722 + 933);
}

// One long text makes chunks of 128 rows, so that there are several chunks for each shard.
TEST(Matrix, ShardsHaveTheSameRowsOnEveryLayout) {
  const TempFolder folder;
  for (size_t file = 0; file < 3; ++file) {
    std::string content = "id,text,x\n";
    for (size_t i = 0; i < 150 + 84 * file; ++i) {
      const std::string text(file == 1 && i == 99 ? 60'000 : i % 20, 'y');
      content += fmt::format("{},{},{}\n", file * 1000 + i, text, i % 7 == 0 ? "" : "0.5");
    }
    folder.write(fmt::format("data/{}.csv", file), content);
  }
  const RunFiles files = expect_same_on(
      sample_layouts(), "name = \"shards\"\n" + input_table(folder, "csv", "") + R"toml(
[[stage]]
use = "write"
path = "rows/all.h5"
texts = "fixed"
level = 1
shards = 4
)toml");
  EXPECT_EQ(files.description.books_problems, std::vector<std::string>());
  const std::vector<std::pair<std::string, uint64_t>> expected = {{"output/rows/all.h5", 702},
                                                                  {"output/rows/all-00001.h5", 256},
                                                                  {"output/rows/all-00002.h5", 256},
                                                                  {"output/rows/all-00003.h5", 128},
                                                                  {"output/rows/all-00004.h5", 62}};
  std::vector<std::pair<std::string, uint64_t>> found;
  for (const OutputResult& output : files.description.outputs) {
    found.emplace_back(output.path, output.records);
  }
  EXPECT_EQ(found, expected);
}

TEST(Matrix, QuotedNewlinesAreExactAtAnyCut) {
  const TempFolder folder;
  std::vector<std::string> lines = {"id,text,n"};
  uint64_t state = 7;
  for (size_t i = 0; i < 450; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    switch (state >> 61) {
      case 0:
        lines.push_back(fmt::format("{},\"a\nb, \"\"c\"\"\n{}\",{}", i, i, i % 7));
        break;
      case 1:
        lines.push_back(fmt::format("{},\"\n\n,\n1,2,3\n4,5,6\n\",{}", i, i % 7));
        break;
      case 2:
        lines.push_back(fmt::format("{},plain,", i));
        break;
      case 3:
        lines.push_back(fmt::format("{},\"\"\"\",{}", i, i % 7));
        break;
      case 4:
        lines.push_back(fmt::format("{},ragged", i));
        break;
      default:
        lines.push_back(fmt::format("{},x{},{}", i, i, i % 7));
        break;
    }
  }
  write_variations(folder, lines, "csv", true);
  const RunFiles files =
      expect_same_on(all_layouts(), "name = \"quotes\"\n" + input_table(folder, "csv", "") + R"(
[[stage]]
use = "keep"
where = "n != 3 or n is null"
[[stage]]
use = "write"
path = "kept.csv.gz"
[[stage]]
use = "top"
column = "text"
k = 5
)");
  EXPECT_GT(files.description.bad_records, 0u);
}

TEST(Matrix, DriftingHeadersAndValuesThatDoNotParseAreTheSame) {
  const TempFolder folder;
  const char* const headers[] = {"id,ms,note", "note,id", "ms,extra,id"};
  for (size_t file = 0; file < 3; ++file) {
    std::string content = std::string(headers[file]) + "\n";
    for (size_t i = 0; i < 400; ++i) {
      const std::string ms = i % 50 == 7 ? fmt::format("slow {}", i) : std::to_string(i % 90);
      const std::string id = std::to_string(1000 * file + i);
      content += file == 0   ? id + "," + ms + ",x\n"
                 : file == 1 ? "y," + id + "\n"
                             : ms + ",\"1\n2\"," + id + "\n";
    }
    folder.write(fmt::format("data/{}.csv", file), content);
  }
  const RunFiles files = expect_same_on(
      sample_layouts(),
      "name = \"drift\"\n" + input_table(folder, "csv", "types = { ms = \"int\" }") + R"toml(
[[stage]]
use = "group"
by = ["note"]
compute = ["count()", "count(ms)", "sum(ms)", "min(id)", "max(id)"]
)toml");
  const std::string& results = files.contents.at("results.json");
  EXPECT_NE(
      results.find("{\"column\": \"ms\", \"count\": 16, \"examples\": [\"slow 7\", \"slow 57\""),
      std::string::npos)
      << results;
  EXPECT_NE(results.find("[\"x\", 400, 392, "), std::string::npos) << results;
  EXPECT_NE(results.find("[\"y\", 400, 0, null, 1000, 1399]"), std::string::npos) << results;
  EXPECT_NE(results.find("[null, 400, 392, "), std::string::npos) << results;
}

TEST(Matrix, RecordsThatTheReportShowsAreTheSame) {
  const TempFolder folder;
  std::vector<std::string> lines;
  for (size_t i = 0; i < 700; ++i) {
    lines.push_back(i % 11 == 0 ? "" : fmt::format("k{} value {} and more", i % 13, i));
  }
  write_variations(folder, lines, "log", false);
  const RunFiles files =
      expect_same_on(sample_layouts(), "name = \"shown\"\n" + input_table(folder, "lines", "") + R"(
[run]
show = 3
[[stage]]
use = "grep"
patterns = ["k[1-9]"]
[[stage]]
use = "split"
into = "word"
[[stage]]
use = "keep"
where = "len(word) > 3"
)");
  const std::string& results = files.contents.at("results.json");
  EXPECT_NE(results.find("\"dropped_examples\": {\"no_match\": [{\"file\""), std::string::npos);
  EXPECT_NE(results.find("\"shown\": [{\"file\""), std::string::npos);
  EXPECT_NE(results.find("\"piece\": 1, \"record\": {\"word\": \"value\"}"), std::string::npos)
      << results;
}

TEST(Matrix, RejectedRecordsHaveTheirNumbers) {
  const TempFolder folder;
  std::string content = "a,b\n";
  std::vector<size_t> rejected;
  for (size_t i = 0; i < 900; ++i) {
    const bool is_bad = i * i % 97 == 1;
    if (is_bad) rejected.push_back(i + 1);
    content += is_bad ? fmt::format("bad {}\n", i) : fmt::format("{},{}\n", i, i % 10);
  }
  folder.write("data/a.csv", content);
  const RunFiles files =
      expect_same_on(all_layouts(), "name = \"numbers\"\n" + input_table(folder, "csv", "") + R"(
[[stage]]
use = "count"
)");
  const std::string& found = files.contents.at("bad_records.jsonl");
  ASSERT_GT(rejected.size(), 10u);
  EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), rejected.size());
  for (const size_t number : rejected) {
    EXPECT_NE(found.find(fmt::format("\"record\": {},", number)), std::string::npos) << number;
  }
}

TEST(Matrix, OutputsByInputAreTheSame) {
  const TempFolder folder;
  std::vector<std::string> lines;
  for (size_t i = 0; i < 160; ++i) {
    lines.push_back(fmt::format(R"({{"id":{},"tag":"t{}","deep":{{"v":{}.5}}}})", i, i % 9, i));
  }
  write_variations(folder, lines, "jsonl", false);
  for (const char* layout : {"single", "per_input"}) {
    for (const char* file : {"kept.jsonl", "kept.jsonl.gz", "kept.jsonl.zst", "kept.h5"}) {
      const RunFiles files = expect_same_on(
          sample_layouts(),
          "name = \"outputs\"\n" + input_table(folder, "jsonl", "") +
              fmt::format("[[stage]]\nuse = \"keep\"\nwhere = \"tag != 't3'\"\n"
                          "[[stage]]\nuse = \"write\"\npath = \"{}\"\nlayout = \"{}\"\n",
                          file, layout));
      EXPECT_GE(files.contents.size(), 3u);
    }
  }
}

/// Rows with values that no file can be named by as they are, and many others.
void write_hostile_rows(const TempFolder& folder) {
  const std::string long_start(3000, 'x');
  const std::vector<std::string> values = {"..",
                                           ".",
                                           "a/b",
                                           "../../x",
                                           "/etc",
                                           "\"\"",
                                           "",
                                           std::string("a\0b", 3),
                                           "\"a\nb\"",
                                           long_start + "1",
                                           long_start + "2",
                                           "caf\xc3\xa9",
                                           "caf\xe9",
                                           "\xff",
                                           "NO",
                                           "no",
                                           "%2F",
                                           "%null",
                                           "%empty",
                                           "x-y"};
  std::vector<std::string> lines = {"id,k,y"};
  for (size_t i = 0; i < 44; ++i) {
    const std::string value = i % 2 == 0 ? values[i / 2 % values.size()] : fmt::format("v{}", i);
    lines.push_back(fmt::format("{},{},{}", i, value, i % 4));
  }
  write_variations(folder, lines, "csv", true);
}

TEST(Matrix, OutputsByColumnAreTheSame) {
  const TempFolder folder;
  write_hostile_rows(folder);
  for (const char* path :
       {"by/{k}.csv", "{y}/{k}-{y}.jsonl.gz", "{k}.csv.zst", "{y}-{part}/x{k}.csv.gz", "{k}.h5"}) {
    const bool numbered = std::string_view(path).find("{part}") != std::string_view::npos;
    const RunFiles files = expect_same_on(
        sample_layouts(), "name = \"by\"\n" + input_table(folder, "csv", "") +
                              fmt::format("[[stage]]\nuse = \"write\"\npath = "
                                          "\"{}\"\n{}",
                                          path, numbered ? "max_records = 100" : ""));
    EXPECT_GT(files.contents.size(), 40u) << path;
    uint64_t records = 0;
    for (const auto& output : files.description.outputs) records += output.records;
    EXPECT_EQ(records, files.description.records) << path;
    // Beside them results.json and bad_records.jsonl.
    EXPECT_EQ(files.description.outputs.size() + 2, files.contents.size()) << "no two in one place";
  }
}

TEST(Matrix, NumberedPartsAreTheSame) {
  const TempFolder folder;
  std::vector<std::string> lines;
  for (size_t i = 0; i < 20; ++i) lines.push_back(std::string(i * i % 97, 'a') + std::to_string(i));
  write_variations(folder, lines, "txt", false);
  for (const char* limits : {"max_records = 170", "max_bytes = 4000",
                             "max_records = 100\nmax_bytes = \"4KiB\"\nlayout = \"per_input\"",
                             "max_records = 1000\nlayout = \"per_input\""}) {
    for (const char* packing : {"", ".gz", ".zst"}) {
      const RunFiles files = expect_same_on(
          sample_layouts(), "name = \"parts\"\n" + input_table(folder, "lines", "") +
                                fmt::format("[[stage]]\nuse = \"keep\"\nwhere = "
                                            "\"len(line) != 5\"\n[[stage]]\n"
                                            "use = \"write\"\npath = \"o.txt{}\"\n{}",
                                            packing, limits));
      EXPECT_GT(files.description.outputs.size(), 5u) << limits;
    }
  }
}

/// Good files among damaged ones of every packing: bytes flipped, cut off, a checksum that is
/// wrong.
void write_damaged_files(const TempFolder& folder, const std::string& content,
                         const std::string& extension) {
  const std::string plain = folder.write("plain", content);
  const char* const tools[] = {"gzip -c", "zstd -qc -B16KiB", "bzip2 -1c", "xz -c", "lz4 -qcB4"};
  size_t file = 0;
  for (const char* tool : tools) {
    const std::string packed = run_command(fmt::format("{} < '{}'", tool, plain)).output;
    ASSERT_GT(packed.size(), 1000u) << tool;
    std::string flipped = packed;
    flipped[packed.size() * 3 / 4] ^= 0x15;
    std::string wrong_sum = packed;
    wrong_sum[packed.size() - 7] ^= 1;
    for (const std::string& bytes :
         {flipped, packed.substr(0, packed.size() * 4 / 5), wrong_sum, packed + "\n"}) {
      folder.write(fmt::format("data/{:02} packed.{}", file++, extension), bytes);
    }
    folder.write(fmt::format("data/{:02} plain.{}", file++, extension),
                 content.substr(0, content.find('\n', 3000) + 1));
  }
}

TEST(Matrix, RecordsBeforeADamageAreTheSame) {
  const TempFolder folder;
  std::string lines;
  for (size_t i = 0; lines.size() < 150'000; ++i) {
    lines += fmt::format("k{} value {}\n", i % 13, i * 2654435761 % 1000003);
  }
  write_damaged_files(folder, lines, "log");
  for (const char* rule : {"keep_prefix", "skip"}) {
    const RunFiles files = expect_same_on(
        sample_layouts(),
        "name = \"damaged\"\n" + input_table(folder, "lines", "record_bytes_max = 15") +
            fmt::format("[run]\ncheckpoint = \"1ms\"\non_bad_file = \"{}\"\n", rule) + R"(
[[stage]]
use = "head"
n = 9000
[[stage]]
use = "write"
path = "kept.txt"
[[stage]]
use = "write"
path = "each.txt.gz"
layout = "per_input"
[[stage]]
use = "count"
[[stage]]
use = "examples"
)");
    const RunDescription& run = files.description;
    EXPECT_EQ(run.books_problems, std::vector<std::string>());
    EXPECT_GT(run.bad_records, 100u);
    const auto partly = std::count_if(run.files.begin(), run.files.end(), [](const auto& file) {
      return file.outcome == "partly read" && file.lost_bytes < file.size_bytes;
    });
    const bool keeps = std::string_view(rule) == "keep_prefix";
    EXPECT_EQ(partly > 7, keeps) << partly;
  }
}

TEST(Matrix, RowsBeforeADamageAreTheSame) {
  const TempFolder folder;
  std::string rows = "id,text,n\n";
  for (size_t i = 0; rows.size() < 100'000; ++i) {
    rows += i % 5 == 0   ? fmt::format("{},\"a\nb, \"\"c\"\"\n{}\",{}\n", i, i * 7919, i % 7)
            : i % 7 == 0 ? fmt::format("{},ragged\n", i)
                         : fmt::format("{},x{},{}\n", i, i * 2654435761 % 1000003, i % 9);
  }
  write_damaged_files(folder, rows, "csv");
  const RunFiles files = expect_same_on(
      sample_layouts(), "name = \"damaged\"\n" +
                            input_table(folder, "csv", "types = { id = \"int\", n = \"int\" }") +
                            R"toml(
[run]
checkpoint = "1ms"
on_bad_file = "keep_prefix"
[[stage]]
use = "write"
path = "kept.csv"
[[stage]]
use = "group"
by = ["n"]
compute = ["count()", "sum(id)"]
)toml");
  EXPECT_EQ(files.description.books_problems, std::vector<std::string>());
  EXPECT_GT(files.description.bad_records, 100u);
}

}  // namespace
}  // namespace shardmill
