// Outputs whose files follow from the records: by column and in numbered parts.
#include "pipeline/run/outputs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "pipeline/run/sorted_part.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

/// A part by column: rows are "file:text\n".
class SortedWriter {
 public:
  SortedWriter(const std::string& dir, uint64_t unit, const OutputSpec& spec, uint64_t buffer_bytes,
               size_t run_frames)
      : part_(dir, PartFileId::own(0, unit, 0), spec, buffer_bytes, run_frames) {}

  /// A worker knows all names from before.
  Status add(const std::vector<std::string>& names, const std::vector<uint32_t>& files,
             const std::string& text) {
    std::string bytes;
    std::vector<size_t> ends;
    for (const uint32_t file : files) {
      bytes += names[file] + ":" + text + "\n";
      ends.push_back(bytes.size());
    }
    return part_.append({.bytes = bytes, .ends = ends, .files = files, .names = names});
  }

  SortedPart& part() { return part_; }

 private:
  SortedPart part_;
};

/// Content of each file of a part, and the lengths of its rows.
struct PartFiles {
  std::map<std::string, std::string> rows;
  std::map<std::string, std::vector<uint64_t>> lengths;
};

PartFiles files_of(const std::string& dir, const WrittenPart& part) {
  PartFiles out;
  const std::string content = read_file(part.file.path(dir));
  uint64_t at = part.begin;
  for (const PartFrame& frame : part.frames) {
    const std::string& name = part.names[frame.file];
    out.rows[name] += content.substr(at, frame.bytes);
    ByteReader lengths(std::string_view(content).substr(at + frame.bytes, frame.lengths_bytes));
    while (lengths.remaining() > 0) out.lengths[name].push_back(lengths.varint());
    at += frame.bytes + frame.lengths_bytes;
  }
  return out;
}

TEST(SortedPart, KeepsTheRowsOfEachFileInOrderHoweverSmallItsBuffers) {
  std::vector<std::string> names;
  for (size_t i = 0; i < 50; ++i) names.push_back(fmt::format("f{}", i));
  struct Sizes {
    uint64_t buffer_bytes;
    size_t run_frames;
  };
  for (const Sizes sizes : {Sizes{1, 1}, Sizes{300, 100}, Sizes{5'000, 7}, Sizes{4 << 20, 1000}}) {
    for (const bool numbered : {false, true}) {
      const TempFolder folder;
      const std::string dir = folder.path().string();
      const OutputSpec spec = {.layout = OutputLayout::kByColumn,
                               .max_records = numbered ? uint64_t{3} : 0};
      PartPool pool(dir, PartFileId::pool(0, 0, 0));
      SortedWriter writer(dir, 1, spec, sizes.buffer_bytes, sizes.run_frames);
      std::map<std::string, std::string> expected;
      for (uint32_t i = 0; i < 200; ++i) {
        const std::vector<uint32_t> files = {i % 50, 49 - i % 7, i * i % 50};
        const std::string text(i % 40, 't');
        ASSERT_TRUE(writer.add(names, files, text + std::to_string(i)).is_ok());
        for (const uint32_t file : files) {
          expected[names[file]] += names[file] + ":" + text + std::to_string(i) + "\n";
        }
      }
      const Result<WrittenPart> part = writer.part().commit(pool);
      ASSERT_TRUE(part.is_ok()) << part.status().message();
      const PartFiles found = files_of(dir, *part);
      EXPECT_EQ(found.rows, expected) << sizes.buffer_bytes << " " << sizes.run_frames;
      EXPECT_EQ(found.lengths.empty(), !numbered);
      for (const auto& [name, lengths] : found.lengths) {
        EXPECT_EQ(std::accumulate(lengths.begin(), lengths.end(), uint64_t{0}),
                  expected[name].size());
        EXPECT_EQ(std::ptrdiff_t(lengths.size()),
                  std::count(expected[name].begin(), expected[name].end(), '\n'));
      }
      size_t files = 0;
      for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path())) ++files;
      EXPECT_EQ(files, 1u) << "no runs are left";
    }
  }
}

TEST(SortedPart, ForgetsWhatIsDiscarded) {
  const TempFolder folder;
  const std::string dir = folder.path().string();
  PartPool pool(dir, PartFileId::pool(0, 0, 0));
  SortedWriter writer(dir, 1, {.layout = OutputLayout::kByColumn}, 20, 100);
  ASSERT_TRUE(writer.add({"bad", "good"}, {0, 1, 0}, std::string(100, 'x')).is_ok());
  writer.part().discard();
  ASSERT_TRUE(writer.add({"bad", "good"}, {1}, "y").is_ok());
  const Result<WrittenPart> part = writer.part().commit(pool);
  ASSERT_TRUE(part.is_ok());
  EXPECT_THAT(part->names, ElementsAre("good"));
  EXPECT_EQ(files_of(dir, *part).rows, (std::map<std::string, std::string>{{"good", "good:y\n"}}));
}

/// Ends when the object does.
class FewOpenFiles {
 public:
  FewOpenFiles() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 40;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~FewOpenFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST(Outputs, ManyValuesNeedFewOpenFiles) {
  const TempFolder folder;
  std::string lines = "k,n\n";
  for (size_t i = 0; i < 3'000; ++i) lines += fmt::format("{},{}\n", i * 7 % 1'000, i);
  const std::string input = folder.write("in/a.csv", lines);
  const FewOpenFiles few;
  const RunFiles files = run_on_layout(
      "[input]\npaths = [\"" + input + "\"]\n[[stage]]\nuse = \"write\"\npath = \"{k}.csv\"\n",
      {.ranks = 2, .threads = 2, .unit_bytes = 1 << 10}, folder.path() / "run");
  EXPECT_EQ(files.status.message(), "");
  EXPECT_EQ(files.description.outputs.size(), 1'000u);
  EXPECT_EQ(files.contents.at("output/7.csv"), "k,n\n7,1\n7,1001\n7,2001\n");
}

/// Runs a job over one CSV file whose path by column is `path`, into `folder`/run.
RunFiles run_by_column(const TempFolder& folder, const std::string& rows,
                       const std::string& write) {
  const std::string input = folder.write("in/a.csv", "k,n\n" + rows);
  return run_on_layout("[input]\npaths = [\"" + input +
                           "\"]\ntypes = { k = \"text\" }\n[[stage]]\nuse = \"write\"\n" + write,
                       {.ranks = 2}, folder.path() / "run");
}

TEST(Outputs, NoSymlinkOnTheWayToAValueIsFollowed) {
  const TempFolder folder;
  const TempFolder elsewhere;
  const std::string victim = elsewhere.write("victim.csv", "keep me");
  const fs::path by = folder.path() / "by";
  fs::create_directories(by);
  fs::create_directory_symlink(elsewhere.path(), by / "a");
  const std::string path = by.string() + "/{k}/{n}.csv";
  const RunFiles led_out = run_by_column(folder, "a,1\n", "path = \"" + path + "\"\n");
  EXPECT_EQ(led_out.status.code(), Code::kFailed);
  EXPECT_EQ(led_out.status.message(),
            (by / "a/1.csv").string() +
                ": the file cannot be put into its folder (not a directory); check that folder and "
                "its permissions");
  EXPECT_EQ(std::distance(fs::directory_iterator(elsewhere.path()), fs::directory_iterator()), 1);
  fs::remove_all(folder.path() / "run");
  fs::create_directories(by / "b");
  fs::create_symlink(victim, by / "b/1.csv");
  const RunFiles replaced = run_by_column(folder, "b,1\n", "path = \"" + path + "\"\n");
  EXPECT_EQ(replaced.status.message(), "");
  EXPECT_EQ(read_file(victim), "keep me");
  EXPECT_EQ(read_file(by / "b/1.csv"), "k,n\nb,1\n");
}

TEST(Outputs, PartsAreCutByRecordsAndBytes) {
  struct Cut {
    const char* limits;
    std::vector<std::string> parts;
  };
  // The header takes 4 bytes.
  const std::vector<Cut> cuts = {
      {"max_records = 2", {"a,1\nb,2\n", "ccccccccc,3\nd,4\n", "e,5\n"}},
      {"max_records = 5", {"a,1\nb,2\nccccccccc,3\nd,4\ne,5\n"}},
      {"max_bytes = 12", {"a,1\nb,2\n", "ccccccccc,3\n", "d,4\ne,5\n"}},
      {"max_bytes = 11", {"a,1\n", "b,2\n", "ccccccccc,3\n", "d,4\n", "e,5\n"}},
      {"max_bytes = 1", {"a,1\n", "b,2\n", "ccccccccc,3\n", "d,4\n", "e,5\n"}},
      {"max_bytes = 24\nmax_records = 4", {"a,1\nb,2\nccccccccc,3\n", "d,4\ne,5\n"}}};
  for (const Cut& cut : cuts) {
    const TempFolder folder;
    const RunFiles files = run_by_column(folder, "a,1\nb,2\nccccccccc,3\nd,4\ne,5\n",
                                         std::string("path = \"x.csv\"\n") + cut.limits);
    EXPECT_EQ(files.status.message(), "");
    ASSERT_EQ(files.description.outputs.size(), cut.parts.size()) << cut.limits;
    for (size_t i = 0; i < cut.parts.size(); ++i) {
      const std::string path = fmt::format("output/x-{:05}.csv", i + 1);
      EXPECT_EQ(files.description.outputs[i].path, path);
      EXPECT_EQ(files.contents.at(path), "k,n\n" + cut.parts[i]) << cut.limits;
    }
  }
}

TEST(Outputs, NoRecordsMakeAnEmptyFirstPartButNoFileOfAValue) {
  const TempFolder folder;
  const RunFiles parts = run_by_column(folder, "", "path = \"x.csv\"\nmax_records = 2\n");
  EXPECT_EQ(parts.contents.at("output/x-00001.csv"), "k,n\n");
  fs::remove_all(folder.path() / "run");
  const RunFiles values = run_by_column(folder, "", "path = \"{k}.csv\"\n");
  EXPECT_EQ(values.status.message(), "");
  EXPECT_TRUE(values.description.outputs.empty());
}

TEST(Outputs, MoreFilesThanAllowedFailAndLeaveNothing) {
  const std::string rows = "a,1\nb,2\nc,3\na,4\n";
  struct Limit {
    const char* write;
    const char* message;
  };
  const Limit limits[] = {
      {"path = \"{k}.csv\"\nmax_files = 2\n",
       "output \"{k}.csv\": its values make more files than allowed, expected at most 2 "
       "(max_files); choose columns of fewer values, or raise max_files"},
      {"path = \"x.csv\"\nmax_records = 1\nmax_files = 3\n",
       "output \"x.csv\": its parts make more files than allowed, expected at most 3 (max_files); "
       "raise max_records or max_bytes, or max_files"},
      {"path = \"{k}.csv\"\nmax_records = 1\nmax_files = 3\n",
       "output \"{k}.csv\": its values or parts make more files than allowed, expected at most 3 "
       "(max_files); choose columns of fewer values, or raise max_files"}};
  for (const Limit& limit : limits) {
    const TempFolder folder;
    const RunFiles files = run_by_column(folder, rows, limit.write);
    EXPECT_EQ(files.status.code(), Code::kFailed);
    EXPECT_EQ(files.status.message(), limit.message);
    for (const auto& [path, content] : files.contents) {
      EXPECT_FALSE(path.starts_with("output/")) << path;
    }
  }
  const TempFolder folder;
  EXPECT_EQ(run_by_column(folder, rows, "path = \"{k}.csv\"\nmax_files = 3\n").status.message(),
            "");
}

TEST(Outputs, AValueNeverMeetsAnotherOutputOrAnInput) {
  const TempFolder folder;
  const std::string other = "path = \"{k}.csv\"\n[[stage]]\nuse = \"write\"\npath = \"x.csv\"\n";
  EXPECT_EQ(run_by_column(folder, "y,1\n", other).status.message(), "");
  fs::remove_all(folder.path() / "run");
  EXPECT_EQ(run_by_column(folder, "x,1\n", other).status.message(),
            "output \"output/x.csv\": two stages (0 and 1) that write to it, expected a file for "
            "each; choose "
            "another path in its write stage");
  fs::remove_all(folder.path() / "run");
  const std::string in = (folder.path() / "in").string();
  EXPECT_EQ(run_by_column(folder, "a,1\n", "path = \"" + in + "/{k}.csv\"\n").status.message(),
            "output \"" + in +
                "/a.csv\": an input of this run, expected a file that is not read; choose another "
                "path in its write stage");
  EXPECT_EQ(read_file(folder.path() / "in/a.csv"), "k,n\na,1\n");
}

TEST(Outputs, AShardNeverMeetsAnotherOutput) {
  const TempFolder folder;
  const RunFiles files = run_by_column(folder, "a,1\n",
                                       "path = \"x-00002.h5\"\n[[stage]]\nuse = \"write\"\n"
                                       "path = \"x.h5\"\nshards = 2\n");
  EXPECT_EQ(files.status.code(), Code::kUsage);
  EXPECT_EQ(files.status.message(),
            "output \"output/x-00002.h5\": two stages (0 and 1) that write to it, expected a file "
            "for each; choose another path in its write stage");
}

TEST(Outputs, AValueThatMeetsAnotherOutputEndsTheRunAsSoonAsItComes) {
  const TempFolder folder;
  std::string rows = "x,1\n";
  for (int i = 0; i < 20'000; ++i) rows += fmt::format("y,{}\n", i);
  folder.write("in/a.csv", "k,n\n" + rows);
  const RunFiles files =
      run_on_layout("[input]\npaths = [\"" + (folder.path() / "in").string() +
                        "\"]\n[[stage]]\nuse = \"write\"\npath = \"{k}.csv\"\n[[stage]]\nuse = "
                        "\"write\"\npath = \"x.csv/all.csv\"\n",
                    {.unit_bytes = 1024}, folder.path() / "run");
  EXPECT_EQ(
      files.status.message(),
      "output \"output/x.csv\": a file that is to be a folder too, for "
      "\"output/x.csv/all.csv\", expected a name of its own; choose another path in its write "
      "stage");
  EXPECT_EQ(files.status.code(), Code::kFailed);
  EXPECT_LT(files.description.units_done, 20u) << "of about 170";
}

TEST(Outputs, NoValueLeavesTheOutputFolder) {
  const TempFolder folder;
  const std::string rows = std::string("../../out,1\n/etc/x,2\n..,3\n.,4\n\"a/../../b\",5\nx") +
                           std::string(1, '\0') + "y,6\n";
  const RunFiles files = run_by_column(folder, rows, "path = \"by/{k}/{n}.csv\"\n");
  EXPECT_EQ(files.status.message(), "");
  std::vector<std::string> paths;
  for (const OutputResult& output : files.description.outputs) paths.push_back(output.path);
  EXPECT_THAT(paths, ElementsAre("output/by/%2E.%2F..%2Fout/1.csv", "output/by/%2E./3.csv",
                                 "output/by/%2E/4.csv", "output/by/%2Fetc%2Fx/2.csv",
                                 "output/by/a%2F..%2F..%2Fb/5.csv", "output/by/x%00y/6.csv"));
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 2u) << "in and run";
}

}  // namespace
}  // namespace shardmill
