// Every kind of bad file: what a run says of it, what counts, what is lost; and that it is the same
// on any layout.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "pipeline/base/text.h"
#include "pipeline/formats/compress.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string numbered_lines(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("line {} {}\n", i, i * i * 7919 % 10007);
  return text;
}

/// What a tool of the system makes of the text.
std::string packed_by(const std::string& tool, const std::string& text) {
  const TempFolder folder;
  const CommandResult made = run_command(tool + " < " + folder.write("plain", text));
  EXPECT_EQ(made.exit_code, 0) << tool;
  return made.output;
}

std::string count_job(const fs::path& folder, std::string_view more = "") {
  return fmt::format(
      "name = \"bad\"\n[input]\npaths = [\"{}\"]\nformat = \"lines\"\n{}\n"
      "[[stage]]\nuse = \"write\"\npath = \"passed.txt\"\n",
      (folder / "data").string(), more);
}

/// A job over the files of a folder, run in this process.
class BadFiles : public testing::Test {
 protected:
  void write(std::string_view name, std::string_view content) {
    folder_.write("data/" + std::string(name), content);
  }

  RunFiles run(std::string_view more = "") {
    const fs::path run_dir = folder_.path() / fmt::format("run-{}", runs_++);
    RunFiles files = run_on_layout(count_job(folder_.path(), more), {.ranks = 2}, run_dir);
    EXPECT_EQ(files.status.message(), "");
    EXPECT_EQ(files.description.books_problems, std::vector<std::string>());
    passed_ = files.contents["output/passed.txt"];
    return files;
  }

  /// "outcome, lost of size: reason".
  std::string said_of(const RunFiles& files, std::string_view name) {
    for (const FileResult& file : files.description.files) {
      if (!file.path.ends_with("/" + std::string(name))) continue;
      return fmt::format("{}, {} of {} B lost: {}", file.outcome, file.lost_bytes, file.size_bytes,
                         file.reason);
    }
    return "no such file";
  }

  std::string said_of(std::string_view name, std::string_view more = "") {
    return said_of(run(more), name);
  }

  TempFolder folder_;
  std::string passed_;
  int runs_ = 0;
};

constexpr std::string_view kKeepPrefix = "[run]\non_bad_file = \"keep_prefix\"";

struct Packing {
  std::string name;
  std::string tool;
  std::string member;  ///< as messages call it
};

const std::vector<Packing>& packings() {
  static const std::vector<Packing> all = {{"f.gz", "gzip -c", "gzip member"},
                                           {"f.zst", "zstd -qc", "zstd frame"},
                                           {"f.bz2", "bzip2 -c", "bzip2 stream"},
                                           {"f.xz", "xz -c", "xz stream"},
                                           {"f.lz4", "lz4 -qc", "lz4 frame"}};
  return all;
}

TEST_F(BadFiles, AStreamThatWasCutOffIsLostAsAWhole) {
  for (const Packing& packing : packings()) {
    const std::string packed = packed_by(packing.tool, numbered_lines(30'000));
    write(packing.name, packed.substr(0, packed.size() / 2));
    write("good.txt", "one line\n");
    const RunFiles files = run();
    const size_t half = packed.size() / 2;
    EXPECT_THAT(said_of(files, packing.name),
                AllOf(testing::StartsWith(fmt::format(
                          "bad, {} of {} B lost: the file ends within a {}; it was cut off (after ",
                          half, half, packing.member)),
                      HasSubstr(fmt::format(" of the file)"))));
    EXPECT_EQ(passed_, "one line\n");
    fs::remove(folder_.path() / "data" / packing.name);
  }
}

TEST_F(BadFiles, AStreamThatWasCutOffKeepsItsWholeRecordsIfAsked) {
  const std::string text = numbered_lines(100'000);
  for (const Packing& packing : packings()) {
    // Blocks of lz4 are 4 MiB if it is not told otherwise.
    const std::string tool = packing.tool == "lz4 -qc" ? "lz4 -qc -B4" : packing.tool;
    const std::string packed = packed_by(tool == "bzip2 -c" ? "bzip2 -1c" : tool, text);
    write(packing.name, packed.substr(0, packed.size() * 2 / 3));
    const RunFiles files = run(kKeepPrefix);
    const FileResult& file = files.description.files[0];
    EXPECT_GT(file.records, 30'000u) << packing.name;
    EXPECT_EQ(file.outcome, "partly read") << packing.name;
    EXPECT_TRUE(text.starts_with(passed_)) << packing.name;
    EXPECT_TRUE(passed_.ends_with('\n')) << packing.name;
    EXPECT_EQ(file.plain_bytes, passed_.size()) << packing.name;
    EXPECT_EQ(file.records,
              static_cast<uint64_t>(std::count(passed_.begin(), passed_.end(), '\n')));
    fs::remove(folder_.path() / "data" / packing.name);
  }
}

TEST_F(BadFiles, DamageInsideAStreamIsNamedByItsPlace) {
  for (const Packing& packing : packings()) {
    std::string packed = packed_by(packing.tool, numbered_lines(30'000));
    for (size_t i = 0; i < 40; ++i) packed[packed.size() / 2 + i] = static_cast<char>(0xff);
    write(packing.name, packed);
    const std::string said = said_of(packing.name);
    EXPECT_THAT(said, HasSubstr(fmt::format("bad, {} of {} B lost: the {} is damaged: ",
                                            packed.size(), packed.size(), packing.member)));
    EXPECT_THAT(said, testing::ContainsRegex("\\(after [0-9,]+ plain bytes?, at byte [0-9,]+ of "
                                             "the file\\)"));
    fs::remove(folder_.path() / "data" / packing.name);
  }
}

TEST_F(BadFiles, AWrongChecksumAtTheEndComesAfterWhatItVouchesFor) {
  const std::string text = numbered_lines(1000);
  std::string gz = gzip_member(text, 0);
  gz[gz.size() - 6] ^= 1;
  std::string zst = packed_by("zstd -qc --check", text);
  zst.back() ^= 1;
  write("f.gz", gz);
  write("f.zst", zst);
  const RunFiles skipped = run();
  EXPECT_EQ(said_of(skipped, "f.gz"),
            fmt::format("bad, {0} of {0} B lost: the gzip member is damaged: its checksum or "
                        "length does not match (after {1} plain bytes, at byte {2} of the file)",
                        gz.size(), with_separators(text.size()), with_separators(gz.size())));
  EXPECT_THAT(said_of(skipped, "f.zst"),
              HasSubstr("the zstd frame is damaged: Restored data doesn't match checksum (after "));
  EXPECT_EQ(passed_, "");
  const RunFiles kept = run(kKeepPrefix);
  EXPECT_TRUE(passed_.starts_with(text)) << "the records of the gz file";
  EXPECT_THAT(said_of(kept, "f.gz"), HasSubstr("partly read, 0 of "));
}

TEST_F(BadFiles, ANewlineAfterTheLastMemberIsNotedAndAllDataCounts) {
  const std::string text = numbered_lines(10);
  write("f.gz", gzip_member(text, 0) + "\n");
  write("g.zst", zstd_frame(text, 0) + "garbage");
  const RunFiles files = run();
  EXPECT_EQ(said_of(files, "f.gz").substr(0, 5), "read,");
  EXPECT_THAT(said_of(files, "f.gz"),
              testing::EndsWith("B lost: garbage after the last gzip member (1 byte)"));
  EXPECT_THAT(said_of(files, "g.zst"),
              testing::EndsWith("B lost: garbage after the last zstd frame (7 bytes)"));
  EXPECT_EQ(passed_, text + text);
  EXPECT_THAT(files.contents.at("results.json"), HasSubstr("\"bad_files\": 0"));
}

TEST_F(BadFiles, ATextNamedLikeACompressedFileIsReadAndNoted) {
  const std::string text = numbered_lines(3);
  write("f.log.gz", text);
  write("g.gz", "");
  const RunFiles files = run();
  EXPECT_EQ(said_of(files, "f.log.gz"),
            fmt::format("read, 0 of {} B lost: is not compressed, though its name ends with .gz",
                        text.size()));
  EXPECT_EQ(said_of(files, "g.gz"), "empty, 0 of 0 B lost: ");
  EXPECT_EQ(passed_, text);
}

TEST_F(BadFiles, AnotherFileNamedLikeACompressedOneIsBad) {
  std::string packed = gzip_member(numbered_lines(300), 0);
  packed[0] = 0;
  write("f.gz", packed);
  write("zeros.zst", std::string(5000, '\0'));
  const RunFiles files = run("unit_bytes = 1024");
  EXPECT_EQ(said_of(files, "f.gz"),
            fmt::format("bad, {0} of {0} B lost: begins with bytes of no compression and of no "
                        "text, expected .gz as its name says",
                        packed.size()));
  EXPECT_EQ(said_of(files, "zeros.zst"),
            "bad, 5000 of 5000 B lost: begins with bytes of no compression and of no text, "
            "expected .zst as its name says");
  EXPECT_EQ(passed_, "");
}

TEST_F(BadFiles, WindowsBeyondTheLimitAreRefusedByName) {
  const std::string text = numbered_lines(200'000);
  write("f.zst", packed_by("zstd -qc -1 --long=27", text));
  write("f.xz", packed_by("xz -0c --lzma2=dict=64MiB,mode=fast,nice=32", "text\n"));
  const RunFiles files = run("window_bytes_max = \"1MiB\"");
  EXPECT_THAT(said_of(files, "f.zst"),
              HasSubstr("B lost: the zstd frame needs a larger window, expected at most 1.00 MiB; "
                        "raise input.window_bytes_max (after 0 plain bytes, at byte "));
  EXPECT_THAT(said_of(files, "f.xz"),
              HasSubstr("B lost: the xz stream needs a larger window, expected at most 1.00 MiB; "
                        "raise input.window_bytes_max (after 0 plain bytes, at byte "));
}

TEST_F(BadFiles, ABombIsCutAtItsRatioIfThereIsOne) {
  const std::string text(3'000'000, '\n');
  const std::string packed = gzip_member(text, 0);
  write("f.gz", packed);
  write("good.gz", gzip_member(numbered_lines(50), 0));
  const uint64_t most = packed.size() * 20;
  const std::string reason = fmt::format(
      "unpacks to more than {},{:03} bytes, expected at most 20 times its {},{:03} bytes on disk; "
      "raise input.expansion_max if it is meant to",
      most / 1000, most % 1000, packed.size() / 1000, packed.size() % 1000);
  const RunFiles files = run("expansion_max = 20");
  EXPECT_EQ(said_of(files, "f.gz"),
            fmt::format("bad, {0} of {0} B lost: {1}", packed.size(), reason));
  EXPECT_EQ(passed_, numbered_lines(50));
  run("expansion_max = 20\n" + std::string(kKeepPrefix));
  EXPECT_EQ(passed_.size(), most + numbered_lines(50).size()) << "each byte of it is a record";
  run();
  EXPECT_EQ(passed_.size(), text.size() + numbered_lines(50).size()) << "no limit unless asked for";
}

/// Another user for a while: the one with all rights may read everything.
class Nobody {
 public:
  Nobody() {
    if (geteuid() == 0) is_other_ = seteuid(65534) == 0;
  }
  ~Nobody() {
    if (is_other_) {
      EXPECT_EQ(seteuid(0), 0);
    }
  }

 private:
  bool is_other_ = false;
};

TEST_F(BadFiles, AFileThatMayNotBeReadIsNamedWithTheReason) {
  write("secret.txt", "a secret\n");
  write("open.txt", "no secret\n");
  fs::permissions(folder_.path() / "data/secret.txt", fs::perms::none);
  fs::permissions(folder_.path(), fs::perms::all);
  RunFiles files;
  {
    const Nobody nobody;
    files = run();
  }
  EXPECT_EQ(said_of(files, "secret.txt"),
            "bad, 9 of 9 B lost: cannot be opened: Permission denied");
  EXPECT_EQ(passed_, "no secret\n");
}

TEST_F(BadFiles, StoppingAtOneKeepsTheRestForTheNextAttempt) {
  for (int i = 0; i < 30; ++i) write(fmt::format("{:02}.txt", i), numbered_lines(100));
  write("40.gz", gzip_member(numbered_lines(5000), 0).substr(0, 500));
  const fs::path run_dir = folder_.path() / "stopped";
  // The largest first would be the damaged one: a small unit is the last to be dealt.
  const std::string job =
      count_job(folder_.path(), "unit_bytes = 0\n[run]\non_bad_file = \"stop\"");
  const RunFiles stopped = run_on_layout(job, {.unit_bytes = 0}, run_dir);
  EXPECT_EQ(stopped.status.code(), Code::kBadFile);
  EXPECT_THAT(stopped.status.message(),
              AllOf(HasSubstr("data/40.gz: the file ends within a gzip member; it was cut off "),
                    testing::EndsWith("; on_bad_file = \"skip\" goes on without it")));
  EXPECT_FALSE(stopped.contents.contains("results.json"));
  EXPECT_TRUE(fs::exists(run_dir / "checkpoint"));
  const std::string skip = count_job(folder_.path(), "unit_bytes = 0");
  const RunFiles resumed = run_on_layout(skip, {.ranks = 3, .unit_bytes = 0}, run_dir);
  EXPECT_EQ(resumed.status.message(), "");
  EXPECT_EQ(resumed.description.attempt, 2u);
  EXPECT_GT(resumed.description.units_before, 20u);
  EXPECT_EQ(resumed.description.records, 3000u);
  const RunFiles again =
      run_on_layout(count_job(folder_.path(), "unit_bytes = 0\n" + std::string(kKeepPrefix)),
                    {.unit_bytes = 0}, folder_.path() / "other");
  EXPECT_GT(again.description.records, 3000u);
}

TEST_F(BadFiles, OtherRulesForThemAreAnotherRun) {
  for (int i = 0; i < 3; ++i) write(fmt::format("{}.txt", i), numbered_lines(100));
  write("3.gz", gzip_member(numbered_lines(5000), 0).substr(0, 200));
  const fs::path run_dir = folder_.path() / "stopped";
  const std::string stop =
      count_job(folder_.path(), "unit_bytes = 0\n[run]\non_bad_file = \"stop\"");
  EXPECT_EQ(run_on_layout(stop, {.unit_bytes = 0}, run_dir).status.code(), Code::kBadFile);
  const std::string keep = count_job(folder_.path(), "unit_bytes = 0\n" + std::string(kKeepPrefix));
  EXPECT_THAT(run_on_layout(keep, {.unit_bytes = 0}, run_dir).status.message(),
              HasSubstr("run.on_bad_file = \\\"keep_prefix\\\" is new"));
}

/// What happens to a file between listing and reading, or while it is read, by a library that is
/// loaded in front of the system's.
class FileTrouble : public testing::Test {
 protected:
  void SetUp() override { folder_.write("data/good.txt", "one line\n"); }

  /// Runs with this fault on data/f.txt.
  void run(const std::string& fault, const std::string& more = "") {
    const std::string job =
        "[input]\npaths = [\"data\"]\nexclude = [\"*.new\"]\n"
        "format = \"lines\"\n[[stage]]\nuse = \"write\"\npath = \"out.txt\"\n";
    folder_.write("job.toml", job);
    const CommandResult result = run_command(fmt::format(
        "cd {} && timeout 60 env LD_PRELOAD={} SHARDMILL_FAULT_PATH=/f.txt SHARDMILL_FAULT={} {} "
        "run job.toml --quiet --fresh --threads 1 {} 2>&1",
        folder_.path().string(), SHARDMILL_READ_FAULTS, fault, SHARDMILL_BINARY, more));
    exit_code_ = result.exit_code;
    output_ = result.output;
    if (!fs::exists(folder_.path() / "job.run/files.tsv")) return;
    read_books();
    passed_ = read_file(folder_.path() / "job.run/output/out.txt");
  }

  /// What files.tsv says of data/f.txt: outcome, lost bytes, reason.
  void read_books() {
    said_.clear();
    std::istringstream lines(read_file(folder_.path() / "job.run/files.tsv"));
    for (std::string line; std::getline(lines, line);) {
      std::vector<std::string> fields;
      std::istringstream rest(line);
      for (std::string field; std::getline(rest, field, '\t');) fields.push_back(field);
      if (fields.size() < 11 || !fields[0].ends_with("f.txt")) continue;
      said_ =
          fields[10] + ", " + fields[7] + " B lost" + (fields.size() > 11 ? ": " + fields[11] : "");
    }
  }

  TempFolder folder_;
  std::string said_;
  std::string passed_;
  std::string output_;
  int exit_code_ = -1;
};

TEST_F(FileTrouble, OneThatVanishedIsBad) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("vanish");
  EXPECT_EQ(exit_code_, 0) << output_;
  EXPECT_EQ(said_, "bad, 116 B lost: cannot be opened: No such file or directory");
  EXPECT_EQ(passed_, "one line\n");
}

TEST_F(FileTrouble, ADirectoryOrFifoInItsPlaceIsBadAndNeverWaitedFor) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("directory");
  EXPECT_EQ(said_, "bad, 116 B lost: is a directory, expected a file") << output_;
  fs::remove(folder_.path() / "data/f.txt");
  folder_.write("data/f.txt", numbered_lines(10));
  run("fifo");
  EXPECT_EQ(exit_code_, 0) << output_;
  EXPECT_EQ(said_, "bad, 116 B lost: is a FIFO, expected a file");
}

TEST_F(FileTrouble, OneThatShrankIsBad) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("shorten:90");
  EXPECT_EQ(said_, "bad, 116 B lost: has 90 bytes, expected 116 bytes as listed; it shrank");
  const std::string text = numbered_lines(100'000);
  folder_.write("data/f.txt", text);
  run("shrink:300000", "--set input.unit_bytes=0");
  EXPECT_EQ(said_, fmt::format("bad, {} B lost: the file ends after 300,000 bytes, expected {} "
                               "bytes; it shrank while it was read",
                               text.size(), with_separators(text.size())));
  EXPECT_EQ(passed_, "one line\n");
  folder_.write("data/f.txt", text);
  run("shrink:300000", "--set input.unit_bytes=0 --set run.on_bad_file=keep_prefix");
  EXPECT_EQ(said_.substr(0, said_.find(':')),
            fmt::format("partly read, {} B lost", text.size() - 300'000));
  EXPECT_TRUE(passed_ == text.substr(0, text.rfind('\n', 299'999) + 1) + "one line\n");
}

TEST_F(FileTrouble, OneThatGrewCountsUpToItsListedSize) {
  for (const char* fault : {"lengthen", "grow"}) {
    folder_.write("data/f.txt", numbered_lines(10));
    run(fault);
    EXPECT_EQ(said_, "grew, 0 B lost") << fault << output_;
    EXPECT_EQ(passed_, numbered_lines(10) + "one line\n") << fault;
  }
}

TEST_F(FileTrouble, OneThatWasReplacedIsBad) {
  folder_.write("data/f.txt", numbered_lines(10));
  const std::string other = folder_.write("data/f.txt.new", std::string(116, '\n'));
  fs::last_write_time(other, fs::last_write_time(other) + std::chrono::hours(1));
  run("replace");
  EXPECT_EQ(
      said_,
      "bad, 116 B lost: has another time than listed, expected the same file; it was replaced "
      "or rewritten");
  EXPECT_EQ(passed_, "one line\n");
}

TEST_F(FileTrouble, OneThatIsRewrittenWhileItIsReadIsBad) {
  const std::string text = numbered_lines(3'000);
  folder_.write("data/f.txt", text);
  run("rewrite");
  EXPECT_EQ(said_,
            fmt::format("bad, {} B lost: has another time after it was read than before, expected "
                        "no change; it was rewritten while it was read",
                        text.size()));
  EXPECT_EQ(passed_, "one line\n");
}

TEST_F(FileTrouble, ASmallOneThatIsRewrittenWhileItIsReadIsBad) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("rewrite");
  EXPECT_EQ(
      said_,
      "bad, 116 B lost: has another time than listed, expected the same file; it was replaced "
      "or rewritten");
  EXPECT_EQ(passed_, "one line\n");
}

TEST_F(FileTrouble, OneThatIsRemovedWhileItIsReadCounts) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("unlink");
  EXPECT_EQ(said_, "read, 0 B lost");
  EXPECT_EQ(passed_, numbered_lines(10) + "one line\n");
}

TEST_F(FileTrouble, ReadErrorsThatPassDoNotShow) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("passing:3");
  EXPECT_EQ(said_, "read, 0 B lost");
  EXPECT_EQ(passed_, numbered_lines(10) + "one line\n");
}

TEST_F(FileTrouble, AReadErrorThatStaysIsBadAndItsPlaceDoesNotDependOnChunks) {
  const std::string text = numbered_lines(100'000);
  folder_.write("data/f.txt", text);
  // Byte 500,000 lies in the page that begins at 499,712.
  run("eio:500000", "--set input.unit_bytes=0");
  EXPECT_EQ(exit_code_, 0) << output_;
  EXPECT_EQ(said_, fmt::format("bad, {} B lost: byte 499,712 cannot be read: Input/output error",
                               text.size()));
  EXPECT_EQ(passed_, "one line\n");
  for (const char* chunk : {"4KiB", "256KiB", "1MiB"}) {
    run("eio:500000", fmt::format("--set run.on_bad_file=keep_prefix --set input.unit_bytes=0 "
                                  "--set input.chunk_bytes={}",
                                  chunk));
    EXPECT_EQ(said_,
              fmt::format("partly read, {} B lost: byte 499,712 cannot be read: Input/output error",
                          text.size() - 499'712))
        << chunk;
    EXPECT_TRUE(passed_ == text.substr(0, text.rfind('\n', 499'711) + 1) + "one line\n") << chunk;
  }
}

TEST_F(FileTrouble, AReadErrorInACutFileCostsItsRangeOnly) {
  const std::string text = numbered_lines(100'000);
  folder_.write("data/f.txt", text);
  const std::string cut = "--set input.unit_bytes=1MiB ";
  run("eio:500000", cut);
  EXPECT_EQ(said_, "partly read, 1048576 B lost: byte 499,712 cannot be read: Input/output error");
  const std::string rest = text.substr(text.find('\n', (1 << 20) - 1) + 1);
  EXPECT_TRUE(passed_ == rest + "one line\n") << passed_.size();
  run("eio:500000", cut + "--set run.on_bad_file=keep_prefix");
  const std::string begin = text.substr(0, text.rfind('\n', 499'711) + 1);
  EXPECT_EQ(said_, fmt::format("partly read, {} B lost: byte 499,712 cannot be read: Input/output "
                               "error",
                               (1 << 20) - begin.size()));
  EXPECT_TRUE(passed_ == begin + rest + "one line\n") << passed_.size();
}

TEST_F(FileTrouble, StopNamesTheFileAndExitsWith3) {
  folder_.write("data/f.txt", numbered_lines(10));
  run("vanish", "--set run.on_bad_file=stop");
  EXPECT_EQ(exit_code_, 3);
  EXPECT_EQ(output_,
            "data/f.txt: cannot be opened: No such file or directory; on_bad_file = \"skip\" goes "
            "on without it\n");
}

}  // namespace
}  // namespace shardmill
