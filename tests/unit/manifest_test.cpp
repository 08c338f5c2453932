// Which files are inputs: folders, patterns, lists, links, and what is left out.
#include "pipeline/plan/manifest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "pipeline/base/glob.h"
#include "pipeline/formats/compress.h"
#include "pipeline/plan/walk.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A folder in which each test stands, as a user does.
class ManifestTest : public testing::Test {
 protected:
  ManifestTest() : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder_.path());
  }
  ~ManifestTest() override { std::filesystem::current_path(before_); }

  void write(std::string_view name, std::string_view content = "x\n") {
    folder_.write(name, content);
  }

  Manifest list(JobInput input, std::string_view run_dir = "") {
    problems_ = Problems();
    input.line = 3;
    return list_inputs(input, run_dir, problems_);
  }

  std::vector<std::string> paths(std::vector<std::string> named,
                                 std::vector<std::string> exclude = {}) {
    JobInput input;
    input.paths = std::move(named);
    input.exclude = std::move(exclude);
    std::vector<std::string> found;
    for (const ManifestFile& file : list(input).files) found.push_back(file.path);
    return found;
  }

  std::string problems() const { return problems_text("job.toml", problems_); }

  TempFolder folder_;
  std::filesystem::path before_;
  Problems problems_;
};

TEST_F(ManifestTest, FilesAreSortedByPathBytesAndCountedOnce) {
  for (const char* name : {"b", "a/z", "a.txt", "a/B", "B"}) write(name);
  EXPECT_THAT(paths({"b", "a", "./a/z", "a.txt", "B", "b", "a//B"}),
              ElementsAre("B", "a.txt", "a/B", "a/z", "b"));
  EXPECT_EQ(problems(), "");
}

TEST_F(ManifestTest, SizesTimesAndTheCommonFolderAreKept) {
  write("data/2024/a.csv", "12345");
  write("data/2025/b.csv", "123");
  write("data/2025/empty.csv", "");
  JobInput input;
  input.paths = {"data"};
  const Manifest manifest = list(input);
  ASSERT_EQ(manifest.files.size(), 3u);
  EXPECT_EQ(manifest.files[0].size_bytes, 5u);
  EXPECT_EQ(manifest.files[2].size_bytes, 0u);
  struct stat status {};
  ASSERT_EQ(stat("data/2024/a.csv", &status), 0);
  EXPECT_EQ(manifest.files[0].mtime_ns,
            status.st_mtim.tv_sec * 1000000000L + status.st_mtim.tv_nsec);
  EXPECT_EQ(manifest.total_bytes, 8u);
  EXPECT_EQ(manifest.common_root, "data");
}

TEST_F(ManifestTest, TheCommonFolderEndsAtASlash) {
  for (const char* name : {"data/ab/x", "data/abc/y", "top"}) write(name);
  JobInput input;
  input.paths = {"data"};
  EXPECT_EQ(list(input).common_root, "data");
  input.paths = {"data/ab/x"};
  EXPECT_EQ(list(input).common_root, "data/ab");
  input.paths = {"top", "data/ab/x"};
  EXPECT_EQ(list(input).common_root, "");
  const std::string here = folder_.path().string();
  input.paths = {here + "/top", here + "/data/ab/x"};
  EXPECT_EQ(list(input).common_root, here);
  input.paths = {here + "/top", "/etc/passwd"};
  EXPECT_EQ(list(input).common_root, "/");
}

TEST_F(ManifestTest, HiddenFilesAndFoldersAreOnlyReadWhenNamed) {
  for (const char* name : {"a/x", "a/.x", "a/.h/y", "a/c/.z", "a/c/w"}) write(name);
  EXPECT_THAT(paths({"a"}), ElementsAre("a/c/w", "a/x"));
  EXPECT_THAT(paths({"a/*"}), ElementsAre("a/c/w", "a/x"));
  EXPECT_THAT(paths({"**"}), ElementsAre("a/c/w", "a/x"));
  EXPECT_THAT(paths({"a/.x", "a/.h"}), ElementsAre("a/.h/y", "a/.x"));
  EXPECT_THAT(paths({"a/.*"}), ElementsAre("a/.h/y", "a/.x"));
}

TEST_F(ManifestTest, PatternsFollowTheShell) {
  for (const char* name : {"l/1.log", "l/2.log", "l/a/3.log", "l/a/b/4.log", "l/10.txt", "m/1.log"})
    write(name);
  EXPECT_THAT(paths({"l/*.log"}), ElementsAre("l/1.log", "l/2.log"));
  EXPECT_THAT(paths({"l/?.log"}), ElementsAre("l/1.log", "l/2.log"));
  EXPECT_THAT(paths({"l/[2-9].log"}), ElementsAre("l/2.log"));
  EXPECT_THAT(paths({"l/[!2].log"}), ElementsAre("l/1.log"));
  EXPECT_THAT(paths({"*/1.log"}), ElementsAre("l/1.log", "m/1.log"));
  EXPECT_THAT(paths({"l/**/*.log"}), ElementsAre("l/1.log", "l/2.log", "l/a/3.log", "l/a/b/4.log"));
  EXPECT_THAT(paths({"**/b/*.log"}), ElementsAre("l/a/b/4.log"));
  EXPECT_THAT(paths({"**/a/**/*.log"}), ElementsAre("l/a/3.log", "l/a/b/4.log"));
  EXPECT_THAT(paths({"l/**"}),
              ElementsAre("l/1.log", "l/10.txt", "l/2.log", "l/a/3.log", "l/a/b/4.log"));
  EXPECT_THAT(paths({folder_.path().string() + "/l/**/3.*"}),
              ElementsAre(folder_.path().string() + "/l/a/3.log"));
  EXPECT_EQ(problems(), "");
}

TEST_F(ManifestTest, AFileWhoseNameLooksLikeAPatternIsAFile) {
  write("a[1].txt");
  write("a1.txt");
  EXPECT_THAT(paths({"a[1].txt"}), ElementsAre("a[1].txt"));
  EXPECT_THAT(paths({"a\\[1\\].*"}), ElementsAre("a[1].txt"));
}

TEST_F(ManifestTest, NamesMayHoldAnyByte) {
  const std::string odd[] = {"new\nline", "quo\"te'", "\xff\xfe", "sp ace", "-dash"};
  for (const std::string& name : odd) write("d/" + name);
  EXPECT_THAT(paths({"d"}),
              ElementsAre("d/-dash", "d/new\nline", "d/quo\"te'", "d/sp ace", "d/\xff\xfe"));
  EXPECT_THAT(paths({"d/new\nline", "d/\xff\xfe"}), ElementsAre("d/new\nline", "d/\xff\xfe"));
}

TEST_F(ManifestTest, ExcludedNamesAndPathsAreLeftOut) {
  for (const char* name : {"d/a.csv", "d/a.tmp", "d/old/b.csv", "d/x/old/c.csv", "d/x/d.csv"})
    write(name);
  EXPECT_THAT(paths({"d"}, {"*.tmp", "old"}), ElementsAre("d/a.csv", "d/x/d.csv"));
  EXPECT_THAT(paths({"d"}, {"x/**"}), ElementsAre("d/a.csv", "d/a.tmp", "d/old/b.csv"));
  EXPECT_THAT(paths({"d"}, {"d/old/*"}),
              ElementsAre("d/a.csv", "d/a.tmp", "d/x/d.csv", "d/x/old/c.csv"));
  EXPECT_THAT(paths({"d/**/*.csv"}, {"**/old"}), ElementsAre("d/a.csv", "d/x/d.csv"));
  EXPECT_THAT(paths({"d/a.csv", "d/a.tmp"}, {"*.tmp"}), ElementsAre("d/a.csv"));
  EXPECT_EQ(problems(), "");
  EXPECT_THAT(paths({"d"}, {"*"}), IsEmpty());
  EXPECT_EQ(problems(),
            "job.toml:3: no input file was found, expected at least one; hidden files, the run "
            "directory and what exclude matches are left out");
}

TEST_F(ManifestTest, WhatIsMissingIsAProblem) {
  write("there");
  paths({"there", "gone", "no*thing", "there/below", ""});
  EXPECT_EQ(problems(),
            "job.toml:3: there is no input \"gone\": no such file or directory, expected a file or "
            "folder; paths start from the folder where the command is given\n"
            "job.toml:3: the pattern \"no*thing\" matches nothing, expected at least one file; "
            "patterns start from the folder where the command is given; hidden files need a dot\n"
            "job.toml:3: there is no input \"there/below\": not a directory, expected a file or "
            "folder; paths start from the folder where the command is given\n"
            "job.toml:3: the path \"\" names nothing, expected the name of a file or folder; "
            "remove it");
}

TEST_F(ManifestTest, AnEmptyFolderIsNoInput) {
  std::filesystem::create_directory("empty");
  EXPECT_THAT(paths({"empty"}), IsEmpty());
  EXPECT_THAT(problems(), HasSubstr("no input file was found"));
}

TEST_F(ManifestTest, AListNamesOnePathALine) {
  write("a b");
  write("d/x");
  write("star*");
  write("list.txt", "a b\n\nd\nstar*");
  JobInput input;
  input.files_from = "list.txt";
  const Manifest manifest = list(input);
  ASSERT_EQ(manifest.files.size(), 3u);
  EXPECT_EQ(manifest.files[0].path, "a b");
  EXPECT_EQ(manifest.files[1].path, "d/x");
  EXPECT_EQ(manifest.files[2].path, "star*");
}

TEST_F(ManifestTest, AListWithNulsIsSeparatedByThem) {
  write("a\nb");
  write("c");
  write("list.txt", std::string("a\nb\0c\0", 6));
  JobInput input;
  input.files_from = "list.txt";
  const Manifest manifest = list(input);
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[0].path, "a\nb");
}

TEST_F(ManifestTest, AWrongListDoesNotFloodTheTerminal) {
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "gone " + std::to_string(i) + "\n";
  write("list.txt", lines);
  JobInput input;
  input.files_from = "list.txt";
  list(input);
  EXPECT_EQ(problems_.list().size(), 21u);
  EXPECT_THAT(problems(), HasSubstr("980 more inputs are missing"));
  input.files_from = "nowhere";
  list(input);
  EXPECT_EQ(
      problems(),
      "job.toml:3: files_from \"nowhere\" cannot be read: no such file or directory, expected "
      "a file with one path a line");
}

TEST_F(ManifestTest, LinksAreFollowedUnlessTheyLoop) {
  write("d/x");
  write("other/y");
  std::filesystem::create_directory_symlink("../other", "d/o");
  std::filesystem::create_directory_symlink("..", "d/up");
  std::filesystem::create_directory_symlink("../d", "other/back");
  std::filesystem::create_symlink("x", "d/same");
  std::filesystem::create_symlink("gone", "d/broken");
  JobInput input;
  input.paths = {"d"};
  const Manifest manifest = list(input);
  std::vector<std::string> found;
  for (const ManifestFile& file : manifest.files) found.push_back(file.path);
  EXPECT_THAT(found, ElementsAre("d/o/y", "d/same", "d/up/other/y", "d/x"));
  std::vector<std::string> notes;
  for (const ManifestNote& note : manifest.notes) notes.push_back(note.path + " " + note.reason);
  EXPECT_THAT(notes, ElementsAre("d/broken cannot be followed: no such file or directory",
                                 "d/o/back is a symbolic link to a folder above it",
                                 "d/up/d is a symbolic link to a folder above it",
                                 "d/up/other/back is a symbolic link to a folder above it"));
}

TEST_F(ManifestTest, LoopsEndInPatternsToo) {
  write("d/e/x");
  std::filesystem::create_directory_symlink("..", "d/e/up");
  EXPECT_THAT(paths({"d/**/x"}), ElementsAre("d/e/x"));
  EXPECT_THAT(paths({"**/e/**/x"}), ElementsAre("d/e/up/e/x", "d/e/x"));
}

TEST_F(ManifestTest, SpecialFilesAreNotedAndNeverOpened) {
  write("d/x");
  ASSERT_EQ(mkfifo("d/pipe", 0600), 0);
  const int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::string("d/sock").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  JobInput input;
  input.paths = {"d", "d/pipe", "/dev/null"};
  const Manifest manifest = list(input);  // opening the FIFO would wait for ever
  close(socket_fd);
  EXPECT_EQ(manifest.files.size(), 1u);
  ASSERT_EQ(manifest.notes.size(), 3u);
  EXPECT_EQ(manifest.notes[0].reason, "is a device, expected a file; it is never opened");
  EXPECT_EQ(manifest.notes[1].reason, "is a FIFO, expected a file; it is never opened");
  EXPECT_EQ(manifest.notes[2].reason, "is a socket, expected a file; it is never opened");
}

TEST_F(ManifestTest, FoldersThatCannotBeReadAreNoted) {
  write("d/x");
  // A folder that even root cannot open: its path is longer than the system allows.
  std::string name(200, 'n');
  std::filesystem::current_path("d");
  for (int depth = 0; depth < 25; ++depth) {
    ASSERT_EQ(mkdir(name.c_str(), 0700), 0);
    ASSERT_EQ(chdir(name.c_str()), 0);
  }
  ASSERT_EQ(chdir(folder_.path().c_str()), 0);
  JobInput input;
  input.paths = {"d"};
  const Manifest manifest = list(input);
  EXPECT_EQ(manifest.files.size(), 1u);
  ASSERT_EQ(manifest.notes.size(), 1u);
  EXPECT_EQ(manifest.notes[0].reason, "the folder cannot be read: file name too long");
  EXPECT_EQ(problems(), "");
}

TEST_F(ManifestTest, TheRunDirectoryIsNoInput) {
  write("x");
  write("job.run/output/y");
  write("sub/job.run/z");
  JobInput input;
  input.paths = {"."};
  const Manifest manifest = list(input, "./job.run");
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[0].path, "sub/job.run/z");
  EXPECT_EQ(manifest.files[1].path, "x");
  input.paths = {"*/**/y"};
  EXPECT_THAT(list(input, "job.run").files, IsEmpty());
}

TEST_F(ManifestTest, ManyFilesAreMeasuredEachAsItIs) {
  // Several threads share the list; what is no file lies at the ends and in the middle of shares.
  constexpr int kFiles = 5000;
  uint64_t bytes = 0;
  for (int i = 0; i < kFiles; ++i) {
    write(fmt::format("d/f{:04}", i), std::string(static_cast<size_t>(i % 7), 'x'));
    bytes += static_cast<uint64_t>(i % 7);
  }
  for (const char* name : {"d/f0000", "d/f0833", "d/f2500", "d/f4999"}) {
    bytes -= std::filesystem::file_size(name);
    std::filesystem::remove(name);
    ASSERT_EQ(mkfifo(name, 0600), 0);
  }
  // As a walk that does not tell what entries are, or a list that was true a moment ago.
  Manifest manifest;
  for (int i = 0; i < kFiles; ++i) manifest.files.push_back({.path = fmt::format("d/f{:04}", i)});
  std::filesystem::remove("d/f2500");
  measure(manifest);
  ASSERT_EQ(manifest.files.size(), kFiles - 4u);
  for (const ManifestFile& file : manifest.files) {
    ASSERT_EQ(file.size_bytes, std::stoul(file.path.substr(3)) % 7) << file.path;
    ASSERT_GT(file.mtime_ns, 0);
  }
  EXPECT_EQ(manifest.total_bytes, bytes);
  std::vector<std::string> notes;
  for (const ManifestNote& note : manifest.notes) notes.push_back(note.path + " " + note.reason);
  EXPECT_THAT(notes, ElementsAre("d/f0000 is a FIFO, expected a file; it is never opened",
                                 "d/f0833 is a FIFO, expected a file; it is never opened",
                                 "d/f2500 cannot be found: no such file or directory",
                                 "d/f4999 is a FIFO, expected a file; it is never opened"));
}

TEST_F(ManifestTest, TenThousandFilesTakeATenthOfASecond) {
  for (int i = 0; i < 10000; ++i) {
    write("d/" + std::to_string(i % 100) + "/file-" + std::to_string(i), "");
  }
  JobInput input;
  input.paths = {"d"};
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(list(input).files.size(), 10000u);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::min(best, seconds.count());
  }
  RecordProperty("seconds", std::to_string(best));
  // A busy machine or a sanitizer may take several times as long; more would be another algorithm.
  EXPECT_LT(best, 1.0);
}

TEST_F(ManifestTest, TheFormatComesFromTheExtensions) {
  write("d/a.csv", "a,b\n1,2\n");
  write("d/b.CSV.gz", gzip_member("a,b\n1,2\n", 0));
  JobInput input;
  input.paths = {"d"};
  EXPECT_EQ(choose_format(list(input), input, problems_), "csv");
  EXPECT_EQ(problems(), "");
}

TEST_F(ManifestTest, TheFormatComesFromTheContentWhereExtensionsSayNothing) {
  write("d/a", "{\"a\": 1}\n{\"a\": 2}\n");
  write("d/b.gz", gzip_member("{\"b\": 1}\n", 0));
  write("d/empty", "");
  JobInput input;
  input.paths = {"d"};
  EXPECT_EQ(choose_format(list(input), input, problems_), "jsonl");
  write("e/a.h", "{ int x; }\n");
  input.paths = {"e"};
  EXPECT_EQ(choose_format(list(input), input, problems_), "lines");
  EXPECT_EQ(problems(), "");
}

TEST_F(ManifestTest, MixedFormatsAreAProblem) {
  write("d/a.csv");
  write("d/b.csv");
  write("d/c.jsonl", "{}\n");
  JobInput input;
  input.paths = {"d"};
  input.line = 2;
  EXPECT_EQ(choose_format(list(input), input, problems_), "");
  EXPECT_EQ(problems(),
            "job.toml:2: the inputs look different: 2 files as csv (first \"d/a.csv\"), 1 file as "
            "jsonl (first \"d/c.jsonl\"), expected files of one format; set format in [input], or "
            "leave files out with exclude");
}

TEST(Glob, MatchesNames) {
  const auto matches = [](std::string_view pattern, std::string_view name) {
    return glob_matches_name(pattern, name, true);
  };
  EXPECT_TRUE(matches("*", "a"));
  EXPECT_FALSE(matches("*", ".a"));
  EXPECT_TRUE(matches(".*", ".a"));
  EXPECT_TRUE(matches("a*b*c", "a--b--b-c"));
  EXPECT_FALSE(matches("a*b*c", "a--b--b-"));
  EXPECT_TRUE(matches("[a-c]?[!x]", "b.y"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("[", "["));
  EXPECT_TRUE(matches("a[", "a["));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "a"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("[\xf0-\xff]", "\xf5"));
  // Many stars must not take exponential time.
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST(Glob, PathsAreNormalWithoutDotsAndDoubleSlashes) {
  EXPECT_EQ(normal_path("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(normal_path("/"), "/");
  EXPECT_EQ(normal_path("//a/"), "/a");
  EXPECT_EQ(normal_path("."), ".");
  EXPECT_EQ(normal_path("../x"), "../x");
  EXPECT_EQ(normal_path("a/../b"), "a/../b");
}

}  // namespace
}  // namespace shardmill
