// Public suites of compressed files: what they hold is read as their originals say, or as the tools
// of the system do; what is invalid is a bad file with a reason. A line for each suite is printed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>

#include "pipeline/formats/byte_source.h"
#include "pipeline/formats/compress.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuites[] = {
    "gz-rapidgzip", "flate2-gz",      "warcio-gz",   "htslib-bgzf",
    "wuffs",        "klauspost-gzip", "zstd-golden", "zstd-decodecorpus"};

/// The folder of public test files, or empty.
fs::path conformance() {
  const fs::path folder = shared_data() / "conformance";
  return fs::exists(folder) ? folder : fs::path();
}

/// Files of the system's own tools, for where the public ones are not.
void write_own_suite(const TempFolder& folder) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += fmt::format("line {} of our own\n", i * i % 1009);
  for (const char* tool : {"gzip", "zstd -q", "bzip2", "xz", "lz4 -q"}) {
    const std::string name = std::string(tool).substr(0, 2);
    const std::string plain = folder.write(name, text);
    const std::string packed = run_command(fmt::format("{} -c < '{}'", tool, plain)).output;
    folder.write(name + ".packed", packed + packed);
    folder.write(name, text + text);
    folder.write("cut " + name, packed.substr(0, packed.size() / 2));
  }
}

std::vector<fs::path> files_of(const fs::path& suite) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(suite)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// What a file is to be read as; nothing if it is to be bad. In some suites the original stands
/// beside it; in others the file of that name is another one.
std::optional<std::string> expected_of(const fs::path& file, Compression compression) {
  const fs::path original = fs::path(file).replace_extension();
  const std::string folder = file.parent_path().filename();
  const bool has_originals = folder != "warcio-gz";
  if (has_originals && original != file && fs::is_regular_file(original)) {
    return read_file(original);
  }
  const std::map<Compression, std::string> tools = {{Compression::kGzip, "gzip"},
                                                    {Compression::kZstd, "zstd -q"},
                                                    {Compression::kBzip2, "bzip2"},
                                                    {Compression::kXz, "xz"},
                                                    {Compression::kLz4, "lz4 -q"}};
  CommandResult run =
      run_command(tools.at(compression) + " -dc < '" + file.string() + "' 2>/dev/null");
  constexpr int kGzipWarning = 2;  // bytes after the last member
  const bool is_good =
      run.exit_code == 0 || (compression == Compression::kGzip && run.exit_code == kGzipWarning);
  if (!is_good) return std::nullopt;
  return std::move(run.output);
}

/// What the reader makes of bytes; nothing if they are bad.
std::optional<std::string> read_packed(std::string_view packed, size_t piece) {
  const auto source = open_memory(packed, {.buffer_bytes = 999});
  std::string bytes;
  std::string buffer(piece, '\0');
  for (;;) {
    const Result<size_t> size = source->read(buffer.data(), buffer.size());
    if (!size.is_ok()) {
      EXPECT_EQ(size.status().code(), Code::kBadFile);
      return std::nullopt;
    }
    if (*size == 0) return bytes;
    bytes.append(buffer, 0, *size);
  }
}

struct Tally {
  size_t files = 0;
  size_t other = 0;  ///< of no compression that we read
  size_t equal = 0;
  size_t bad = 0;  ///< and nobody else reads them
  std::map<std::string, bool> is_bad;
};

Tally judge_by_bytes(const fs::path& suite) {
  Tally tally;
  for (const fs::path& file : files_of(suite)) {
    ++tally.files;
    const std::string packed = read_file(file);
    const Compression compression = detect_compression(packed);
    if (compression == Compression::kNone) {
      ++tally.other;
      continue;
    }
    const std::optional<std::string> expected = expected_of(file, compression);
    const std::optional<std::string> found = read_packed(packed, 10'007);
    EXPECT_EQ(found.has_value(), expected.has_value()) << file;
    EXPECT_TRUE(found == expected) << file;
    tally.is_bad[file.string()] = !found.has_value();
    tally.equal += found && found == expected ? 1 : 0;
    tally.bad += !found && !expected ? 1 : 0;
  }
  return tally;
}

/// A whole run over the suite: bad files have a reason, and the books balance.
uint64_t judge_by_run(const fs::path& suite, const Tally& tally, std::string_view rule) {
  const TempFolder folder;
  const RunFiles files = run_on_layout(
      fmt::format("name = \"suite\"\n[input]\npaths = [\"{}\"]\nformat = \"lines\"\n[run]\n"
                  "on_bad_file = \"{}\"\n[[stage]]\nuse = \"count\"\n",
                  suite.string(), rule),
      {.ranks = 2, .threads = 2}, folder.path() / "run");
  EXPECT_EQ(files.status.message(), "") << suite;
  EXPECT_EQ(files.description.books_problems, std::vector<std::string>()) << suite;
  EXPECT_EQ(files.description.files.size(), tally.files);
  for (const FileResult& file : files.description.files) {
    const auto judged = tally.is_bad.find(file.path);
    if (judged == tally.is_bad.end()) continue;
    EXPECT_EQ(is_bad_file(file), judged->second) << file.path << ": " << file.reason;
    EXPECT_EQ(is_bad_file(file) && file.reason.empty(), false) << file.path;
    EXPECT_LE(file.lost_bytes, file.size_bytes) << file.path;
  }
  return files.description.records;
}

void judge(const std::string& name, const fs::path& suite) {
  const Tally tally = judge_by_bytes(suite);
  const uint64_t records = judge_by_run(suite, tally, "skip");
  const uint64_t with_prefixes = judge_by_run(suite, tally, "keep_prefix");
  EXPECT_GE(with_prefixes, records);
  EXPECT_EQ(tally.equal + tally.bad + tally.other, tally.files);
  EXPECT_GT(tally.equal + tally.bad, 0u);
  fmt::print(
      "{:<18} {:>4} files: {:>3} compressed and equal, {:>2} bad as others say, {:>3} of no "
      "compression; run: {} records, {} with kept prefixes, books balance\n",
      name, tally.files, tally.equal, tally.bad, tally.other, records, with_prefixes);
}

TEST(CompressedConformance, EverySuiteIsReadAsItsOriginalsSay) {
  const TempFolder own;
  write_own_suite(own);
  judge("own", own.path());
  const fs::path folder = conformance();
  for (const std::string_view suite : kSuites) {
    if (!folder.empty() && fs::exists(folder / suite)) judge(std::string(suite), folder / suite);
  }
}

/// A raw deflate stream as a gzip member; the trailer is that of the expected bytes.
std::string as_gzip(std::string_view deflate, const std::string& plain) {
  const std::string made = gzip_member(plain, 0);
  return made.substr(0, 10) + std::string(deflate) + made.substr(made.size() - 8);
}

TEST(CompressedConformance, RawDeflateStreamsAreReadInsideGzipMembers) {
  std::map<std::string, std::string> plain_by_path;
  // The two smallest streams, for where the public files are not: a stored and a fixed empty block.
  const TempFolder own;
  plain_by_path[own.write("stored.deflate", std::string("\x01\x00\x00\xff\xff", 5))] = "";
  plain_by_path[own.write("fixed.deflate", std::string("\x03\x00", 2))] = "";
  const fs::path folder = conformance();
  for (const char* suite : {"wuffs", "gz-rapidgzip"}) {
    if (folder.empty() || !fs::exists(folder / suite)) continue;
    for (const fs::path& file : files_of(folder / suite)) {
      if (file.extension() != ".deflate") continue;
      const fs::path beside = file.string() + ".decompressed";
      const fs::path original = fs::exists(beside) ? beside : fs::path(file).replace_extension();
      if (fs::is_regular_file(original)) plain_by_path[file.string()] = read_file(original);
    }
  }
  size_t equal = 0;
  for (const auto& [path, plain] : plain_by_path) {
    const auto found = read_packed(as_gzip(read_file(path), plain), 333);
    // Distance codes 30 and 31 "will never actually occur" (RFC 1951).
    if (path.ends_with("/distance-code-31.deflate")) {
      EXPECT_FALSE(found.has_value());
      continue;
    }
    EXPECT_TRUE(found == plain) << path << (found ? ": other bytes" : ": bad");
    equal += found == plain ? 1 : 0;
  }
  fmt::print("{:<18} {:>4} streams: {:>3} equal inside gzip members, {} bad as its suite says\n",
             "raw deflate", plain_by_path.size(), equal, plain_by_path.size() - equal);
}

}  // namespace
}  // namespace shardmill
