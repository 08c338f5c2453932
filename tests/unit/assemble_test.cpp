// The user's files from parts: the same bytes on any layout, in their place and nowhere else.
#include "pipeline/run/assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>

#include "pipeline/base/hash.h"
#include "pipeline/formats/byte_source.h"
#include "pipeline/formats/compress.h"
#include "tests/support/engine_doubles.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Text that compresses, `size` bytes.
std::string some_text(size_t size, unsigned seed) {
  std::string text;
  std::minstd_rand random(seed);
  while (text.size() < size) text += "word" + std::to_string(random() % 10'000) + "\n";
  text.resize(size);
  return text;
}

Status append_row(Part& part, std::string_view row) {
  const std::vector<size_t> ends = {row.size()};
  return part.append({.bytes = row, .ends = ends});
}

std::string plain_bytes(const std::string& path) {
  const std::string content = read_file(path);
  const std::unique_ptr<ByteSource> source = open_memory(content, {.size_bytes = content.size()});
  std::string plain;
  std::string buffer(1 << 20, '\0');
  for (;;) {
    const Result<size_t> size = source->read(buffer.data(), buffer.size());
    EXPECT_TRUE(size.is_ok()) << size.status().message();
    if (!size.is_ok() || *size == 0) return plain;
    plain.append(buffer, 0, *size);
  }
}

/// A plan with files "root/f0" ... and one write stage, and what its units wrote.
class Assembly {
 public:
  Assembly(const fs::path& dir, OutputSpec spec, size_t files) : dir_(dir), spec_(spec) {
    for (size_t i = 0; i < files; ++i) world_.files["root/f" + std::to_string(i)].content = "x";
    plan_ = plan_for(world_);
    plan_.manifest.common_root = "root";
    plan_.bound->stages[0].output = std::move(spec);
    fs::create_directories(dir_ / "parts");
    fs::create_directories(dir_ / "output");
  }

  /// A unit for each file.
  void write(const std::vector<std::string>& texts) {
    PartPool pool((dir_ / "parts").string(), PartFileId::pool(0, 0, 0));
    for (uint64_t unit = 0; unit < texts.size(); ++unit) {
      PartFile part((dir_ / "parts").string(), PartFileId::own(0, unit, 0), spec_);
      ASSERT_TRUE(append_row(part, texts[unit]).is_ok());
      Result<WrittenPart> written = part.commit(pool);
      ASSERT_TRUE(written.is_ok());
      UnitReport report;
      report.slices.push_back({.file_index = unit});
      report.parts.push_back(*written);
      const Result<UnitReport> decoded = UnitReport::decode(report.encode());
      ASSERT_TRUE(decoded.is_ok());
      reports_.push_back(*decoded);
    }
  }

  Status assemble_on(int ranks, unsigned threads) {
    Result<Outputs> planned = Outputs::plan(plan_, dir_.string(), "token");
    RETURN_IF_ERROR(planned.status());
    for (size_t i = reports_.size(); i-- > 0;) {
      RETURN_IF_ERROR(planned->add_unit(reports_[i], i));
    }
    RETURN_IF_ERROR(
        planned->finish(plan_.manifest, (dir_ / "parts").string(), [](uint64_t) { return false; }));
    std::vector<Status> statuses(static_cast<size_t>(ranks));
    run_local_ranks(ranks, [&](Comm& comm) {
      Inbox inbox(comm);
      statuses[static_cast<size_t>(comm.rank())] =
          assemble(inbox, {.parts_dir = (dir_ / "parts").string(),
                           .place = "rank",
                           .threads = threads,
                           .outputs = comm.rank() == 0 ? &*planned : nullptr});
      comm.finish();
    });
    for (const Status& status : statuses) EXPECT_EQ(status.message(), statuses[0].message());
    finals = planned->finals();
    return statuses[0];
  }

  std::vector<FinalFile> finals;

 private:
  fs::path dir_;
  OutputSpec spec_;
  DoubleWorld world_;
  Plan plan_;
  std::vector<UnitReport> reports_;
};

struct Case {
  const char* name;
  OutputPacking packing;
  std::vector<size_t> sizes;
};

TEST(Assemble, GivesHeaderAndPartsInUnitOrderOnAnyLayout) {
  const std::vector<size_t> small = {10, 0, 300, 1};
  const std::vector<size_t> large = {3'000'000, 0, 4'194'304, 17, 600'000, 5'000'001};
  const std::vector<Case> cases = {
      {"small.csv", OutputPacking::kPlain, small},    {"large.csv", OutputPacking::kPlain, large},
      {"small.csv.gz", OutputPacking::kGzip, small},  {"large.csv.gz", OutputPacking::kGzip, large},
      {"large.csv.zst", OutputPacking::kZstd, large}, {"empty.csv.zst", OutputPacking::kZstd, {}}};
  for (const Case& one : cases) {
    std::vector<std::string> texts;
    std::string expected = "a,b\n";
    for (const size_t size : one.sizes) {
      texts.push_back(some_text(size, static_cast<unsigned>(size)));
      expected += texts.back();
    }
    std::string first;
    for (const int ranks : {1, 3}) {
      for (const unsigned threads : {1u, 3u}) {
        const TempFolder folder;
        Assembly assembly(folder.path(),
                          {.path = std::string("sub/") + one.name,
                           .packing = one.packing,
                           .level = one.packing == OutputPacking::kGzip ? 1 : 0,
                           .header = "a,b\n"},
                          texts.size());
        assembly.write(texts);
        ASSERT_EQ(assembly.assemble_on(ranks, threads).message(), "");
        const std::string path = (folder.path() / "output/sub" / one.name).string();
        const std::string found = read_file(path);
        EXPECT_TRUE(plain_bytes(path) == expected) << one.name;
        if (first.empty()) first = found;
        EXPECT_TRUE(found == first) << one.name << " on " << ranks << " x " << threads;
        EXPECT_EQ(assembly.finals[0].file_bytes, found.size());
        EXPECT_EQ(assembly.finals[0].checksum, hash64(found));
        EXPECT_EQ(assembly.finals[0].rows, texts.size());
        EXPECT_EQ(assembly.finals[0].shown, std::string("output/sub/") + one.name);
      }
    }
  }
}

TEST(Assemble, PacksMembersOfExactlyFourMebibytes) {
  const std::string text = some_text(9'000'000, 3);
  const TempFolder folder;
  Assembly assembly(folder.path(), {.path = "x.gz", .packing = OutputPacking::kGzip, .level = 1},
                    1);
  assembly.write({text});
  ASSERT_EQ(assembly.assemble_on(2, 2).message(), "");
  std::string expected;
  for (size_t at = 0; at < text.size(); at += kMemberBytes) {
    expected += gzip_member(std::string_view(text).substr(at, kMemberBytes), 1);
  }
  EXPECT_TRUE(read_file(folder.path() / "output/x.gz") == expected);
}

TEST(Assemble, MirrorsTheInputsWithAFileForEach) {
  const TempFolder folder;
  Assembly assembly(folder.path(),
                    {.path = "clean",
                     .layout = OutputLayout::kPerInput,
                     .packing = OutputPacking::kGzip,
                     .header = "h\n",
                     .extension = ".csv.gz"},
                    300);
  std::vector<std::string> texts(300, "row\n");
  texts[7] = "";  // of f104, the eighth by path
  assembly.write(texts);
  ASSERT_EQ(assembly.assemble_on(3, 2).message(), "");
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder.path() / "output/clean")) {
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(plain_bytes(entry.path().string()), name == "f104.csv.gz" ? "h\n" : "h\nrow\n")
        << name;
    ++files;
  }
  EXPECT_EQ(files, 300u);
}

TEST(Assemble, NoSymlinkLeadsOutOfTheOutputFolder) {
  const TempFolder folder;
  const TempFolder elsewhere;
  Assembly assembly(folder.path(), {.path = "sub/x.txt"}, 1);
  assembly.write({"text"});
  fs::create_symlink(elsewhere.path(), folder.path() / "output/sub");
  const Status status = assembly.assemble_on(2, 1);
  EXPECT_EQ(status.code(), Code::kFailed);
  EXPECT_THAT(status.message(), HasSubstr("output/sub/x.txt: the file cannot be put into its "
                                          "folder (not a directory)"));
  EXPECT_TRUE(fs::is_empty(elsewhere.path()));
}

TEST(Assemble, ReplacesASymlinkInsteadOfWritingThroughIt) {
  const TempFolder folder;
  const TempFolder elsewhere;
  const std::string victim = elsewhere.write("victim", "keep me");
  Assembly assembly(folder.path(), {.path = "x.txt"}, 1);
  assembly.write({"text"});
  fs::create_symlink(victim, folder.path() / "output/x.txt");
  ASSERT_EQ(assembly.assemble_on(1, 1).message(), "");
  EXPECT_EQ(read_file(victim), "keep me");
  EXPECT_FALSE(fs::is_symlink(folder.path() / "output/x.txt"));
  EXPECT_EQ(read_file(folder.path() / "output/x.txt"), "text");
}

TEST(Outputs, RefusesPathsThatLeadOut) {
  DoubleWorld world;
  world.files["../a"].content = "x";
  Plan plan = plan_for(world);
  plan.bound->stages[0].output =
      OutputSpec{.path = "", .layout = OutputLayout::kPerInput, .extension = ".txt"};
  EXPECT_EQ(Outputs::plan(plan, "run", "t").status().message(),
            "output \"../a.txt\": a path that leads out of its folder, expected inputs below one "
            "common folder; write the inputs' paths without \"..\"");
  for (const char* path : {"a", "a/b", ".a", "a..b"}) EXPECT_TRUE(is_plain_relative_path(path));
  for (const char* path : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "./a"}) {
    EXPECT_FALSE(is_plain_relative_path(path)) << path;
  }
}

TEST(Outputs, KnowWhereAbsolutePathsAre) {
  DoubleWorld world;
  world.files["/data/x/a"].content = "x";
  Plan plan = plan_for(world);
  plan.manifest.common_root = "/data";
  plan.bound->stages[0].output = OutputSpec{.path = "/out//of/here.txt"};
  Result<Outputs> single = Outputs::plan(plan, "run", "t");
  ASSERT_TRUE(single.is_ok());
  EXPECT_EQ(single->finals()[0].place.root, "/out/of");
  EXPECT_EQ(single->finals()[0].place.relative, "here.txt");
  EXPECT_EQ(single->finals()[0].shown, "/out/of/here.txt");
  plan.bound->stages[0].output =
      OutputSpec{.path = "/out", .layout = OutputLayout::kPerInput, .extension = ".txt"};
  Result<Outputs> mirrored = Outputs::plan(plan, "run", "t");
  ASSERT_TRUE(mirrored.is_ok());
  EXPECT_EQ(mirrored->finals()[0].shown, "/out/x/a.txt");
}

/// The message against `paths`, each written by a stage of its own.
std::string message_against(const DoubleWorld& world, const std::vector<std::string>& paths,
                            const std::string& common_root = {}) {
  Plan plan = plan_for(world);
  plan.manifest.common_root = common_root;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (i > 0) plan.bound->stages.emplace_back();
    plan.bound->stages[i].output = OutputSpec{.path = paths[i]};
  }
  return Outputs::plan(plan, "run", "t").status().message();
}

TEST(Outputs, RefusesTwoFilesInOnePlace) {
  const fs::path here = fs::current_path();
  const DoubleWorld world;
  EXPECT_EQ(message_against(world, {"a.txt", "b.txt", "a.txt-", "a.txt.txt"}), "");
  EXPECT_EQ(message_against(world, {"a.txt", (here / "run/./output/a.txt").string()}),
            "output \"" + (here / "run/output/a.txt").string() +
                "\": two stages (0 and 1) that write to it, expected a file for each; choose "
                "another path in "
                "its write stage");
  EXPECT_EQ(message_against(world, {"a/b.txt/c.txt", "a/b.txt-", "a/b.txt"}),
            "output \"output/a/b.txt\": a file that is to be a folder too, for "
            "\"output/a/b.txt/c.txt\", expected a name of its own; choose another path in its "
            "write stage");
}

TEST(Outputs, NeverReplaceAnInput) {
  const TempFolder folder;
  folder.write("data/a.csv", "x");
  fs::create_directory_symlink(folder.path() / "data", folder.path() / "link");
  const std::string data = (folder.path() / "data").string();
  DoubleWorld world;
  world.files[data + "/a.csv"].content = "x";
  EXPECT_EQ(message_against(world, {data + "/b.csv"}, data), "");
  for (const char* name : {"/data/a.csv", "/link/a.csv", "//data/./a.csv"}) {
    const std::string path = folder.path().string() + name;
    EXPECT_THAT(message_against(world, {path}, data),
                HasSubstr("a.csv\": an input of this run, expected a file that is not read; choose "
                          "another path in its write stage"))
        << path;
  }
  EXPECT_THAT(message_against(world, {data}, data), HasSubstr("a file that is to be a folder too"));
}

TEST(PartFile, LeavesNothingUnlessItCommits) {
  const TempFolder folder;
  const std::string dir = folder.path().string();
  PartPool pool(dir, PartFileId::pool(0, 1, 2));
  {
    PartFile part(dir, PartFileId::own(0, 3, 0), {});
    ASSERT_TRUE(append_row(part, some_text(3'000'000, 1)).is_ok());
    EXPECT_FALSE(fs::is_empty(folder.path()));
  }
  EXPECT_TRUE(fs::is_empty(folder.path())) << "destroyed without a commit";
  PartFile part(dir, PartFileId::own(0, 3, 0), {.layout = OutputLayout::kPerInput});
  ASSERT_TRUE(append_row(part, "thrown away").is_ok());
  part.discard();
  ASSERT_TRUE(append_row(part, "kept").is_ok());
  part.begin_slice(1);
  ASSERT_TRUE(append_row(part, "too").is_ok());
  const Result<WrittenPart> written = part.commit(pool);
  ASSERT_TRUE(written.is_ok());
  EXPECT_EQ(read_file(folder.path() / "gen-0.rank-1.worker-2"), "kepttoo");
  ASSERT_EQ(written->frames.size(), 2u);
  EXPECT_EQ(written->frames[0].bytes, 4u);
  EXPECT_EQ(written->frames[1].file, 1u);
  EXPECT_EQ(written->frames[1].rows, 1u);
}

TEST(PartFile, SaysWhatIsWrongWithTheDisk) {
  PartPool pool("/nonexistent", PartFileId::pool(0, 0, 0));
  PartFile part("/nonexistent", PartFileId::own(0, 1, 0), {});
  const Status status = append_row(part, std::string(2 << 20, 'x'));
  EXPECT_EQ(status.message(),
            "/nonexistent/gen-0.unit-1.stage-0.tmp: the file cannot be created (no such file or "
            "directory); check that folder and its permissions");
}

TEST(DiskError, SaysHowToGoOnAndWhetherThatIsPossible) {
  struct ErrorCase {
    int error;
    Code code;
    const char* message;
  };
  const ErrorCase cases[] = {
      {ENOSPC, Code::kStopped,
       "f: the file cannot be written (no space left on device); free space on that disk and run "
       "the same command again"},
      {EDQUOT, Code::kStopped,
       "f: the file cannot be written (disk quota exceeded); free some of your quota on that disk "
       "and run the same command again"},
      {EIO, Code::kStopped,
       "f: the file cannot be written (input/output error); check that disk and run the same "
       "command again"},
      {EMFILE, Code::kStopped,
       "f: the file cannot be written (too many open files); raise the limit of open files (ulimit "
       "-n) and run the same command again"},
      {EROFS, Code::kFailed,
       "f: the file cannot be written (read-only file system); make that file system writable, or "
       "choose another place (--run-dir)"},
      {EACCES, Code::kFailed,
       "f: the file cannot be written (permission denied); check that folder and its permissions"}};
  for (const ErrorCase& one : cases) {
    const Status status = file_error("f", "written", one.error);
    EXPECT_EQ(status.code(), one.code) << one.message;
    EXPECT_EQ(status.message(), one.message);
  }
}

TEST(OutputFile, IsNeverWrittenThroughWhatSomebodyElsePutInItsPlace) {
  const TempFolder folder;
  const std::string victim = folder.write("victim", "keep me");
  const OutputPlace place = {.root = folder.path().string(), .relative = "x", .temporary = ".tmp"};
  const std::string message =
      folder.path().string() +
      "/x: its temporary file \".tmp\" is not one of this run, expected a new file; find out who "
      "else writes into that folder";
  fs::create_hard_link(victim, folder.path() / ".tmp");
  EXPECT_EQ(open_temporary(place).status().message(), message);
  remove_temporary(place);
  fs::create_symlink(victim, folder.path() / ".tmp");
  EXPECT_EQ(open_temporary(place).status().message(),
            folder.path().string() +
                "/x: the file cannot be created (too many levels of symbolic links); check that "
                "folder and its permissions");
  remove_temporary(place);
  ASSERT_EQ(::mkfifo((folder.path() / ".tmp").c_str(), 0600), 0);
  EXPECT_EQ(open_temporary(place).status().message(),
            folder.path().string() +
                "/x: the file cannot be created (no such device or address); check that folder and "
                "its permissions");
  remove_temporary(place);
  EXPECT_TRUE(open_temporary(place).is_ok());
  EXPECT_EQ(read_file(victim), "keep me");
}

TEST(OutputFile, IsNotPutIntoAFolderThatCannotBeMade) {
  const OutputPlace place = {.root = "/proc", .relative = "folder/x", .temporary = ".tmp"};
  EXPECT_EQ(open_temporary(place).status().message(),
            "/proc/folder/x: the file cannot be put into its folder (no such file or directory); "
            "check that folder and its permissions");
}

}  // namespace
}  // namespace shardmill
