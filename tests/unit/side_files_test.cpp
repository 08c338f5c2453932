// The small files that stages read whole: what is read, what is refused, and what other ranks get.
#include "pipeline/plan/side_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pipeline/formats/compress.h"
#include "pipeline/plan/plan.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A stage with a file, as one of the registry would declare it.
const StageSpec& reading_stage() {
  static const StageSpec spec = {
      .name = "read",
      .summary = "read a file",
      .doc = "",
      .fields = {
          {.name = "path", .kind = FieldKind::kFile, .doc = "", .content_max_field = "memory"},
          {.name = "memory", .kind = FieldKind::kBytes, .doc = "", .default_text = "1MiB"}}};
  return spec;
}

/// A job of such stages, each with one of the paths in its line 1, 2, ...; "" leaves it out.
Job job_with(const std::vector<std::string>& paths, int64_t memory = 1 << 20) {
  Job job;
  for (const std::string& path : paths) {
    JobStage stage = {.spec = &reading_stage(), .name = {}, .options = {}};
    const int line = static_cast<int>(job.stages.size()) + 1;
    if (!path.empty()) stage.options.set("path", path, line);
    stage.options.set("memory", memory, line);
    job.stages.push_back(std::move(stage));
  }
  return job;
}

std::string problems_of(Job job, const TestFiles& given = {}) {
  Problems problems;
  read_side_files(job, problems, given);
  return problems_text("job.toml", problems);
}

std::vector<std::string> contents_of(Job job, const TestFiles& given = {}) {
  Problems problems;
  read_side_files(job, problems, given);
  EXPECT_EQ(problems_text("job.toml", problems), "");
  std::vector<std::string> contents;
  for (const SideFile& file : side_files(job)) contents.push_back(*file);
  return contents;
}

TEST(SideFiles, AreReadInTheOrderOfTheStages) {
  const TempFolder folder;
  EXPECT_THAT(contents_of(job_with({folder.write("b", "two\n"), "", folder.write("a", ""),
                                    folder.write("b", "two\n")})),
              ElementsAre("two\n", "", "two\n"));
}

TEST(SideFiles, AreUnpackedWhateverTheirName) {
  const TempFolder folder;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\n";
  const std::string packed = folder.write("list.txt", gzip_member(text, 6));
  EXPECT_THAT(contents_of(job_with({packed})), ElementsAre(text));
}

TEST(SideFiles, OfATestAreNotReadFromDisk) {
  EXPECT_THAT(contents_of(job_with({"no/such.txt"}), {{"no/such.txt", "a\n"}}), ElementsAre("a\n"));
}

TEST(SideFiles, ThatAreMissingAreRefusedInTheLineOfTheField) {
  EXPECT_EQ(problems_of(job_with({"", "no/such.txt"})),
            "job.toml:2: path \"no/such.txt\": No such file or directory, expected a file; paths "
            "start from the folder where the command is given");
  EXPECT_EQ(problems_of(job_with({std::string("a\0b", 3)})),
            "job.toml:1: path \"a\\x00b\": it holds a NUL byte, expected a file; paths start from "
            "the folder where the command is given");
}

TEST(SideFiles, MustBeRegularFiles) {
  const TempFolder folder;
  const std::string path = folder.path().string();
  EXPECT_EQ(problems_of(job_with({path})),
            "job.toml:1: path \"" + path +
                "\": it is a folder, expected a file; paths start from the folder where the "
                "command is given");
  EXPECT_EQ(problems_of(job_with({"/dev/null"})),
            "job.toml:1: path \"/dev/null\": is a device, expected a file");
}

TEST(SideFiles, ThatAreDamagedAreRefused) {
  const TempFolder folder;
  std::string packed = gzip_member("some text that is packed\n", 6);
  packed.resize(packed.size() - 4);
  const std::string path = folder.write("a.gz", packed);
  EXPECT_THAT(problems_of(job_with({path})),
              testing::StartsWith("job.toml:1: path \"" + path + "\": "));
  EXPECT_THAT(problems_of(job_with({path})), testing::HasSubstr("the file ends within a "));
}

TEST(SideFiles, MayHoldAsMuchUnpackedAsTheStageAllows) {
  const TempFolder folder;
  const std::string text(5000, 'a');
  EXPECT_THAT(contents_of(job_with({folder.write("full", text)}, 5000)), ElementsAre(text));
  const std::string packed = folder.write("a.gz", gzip_member(text, 6));
  const std::string expected =
      "\": more than 4.88 KiB, expected at most that (memory); raise memory, or take a smaller "
      "file";
  EXPECT_EQ(problems_of(job_with({packed}, 4999)), "job.toml:1: path \"" + packed + expected);
  EXPECT_EQ(problems_of(job_with({"x"}, 4999), {{"x", text}}), "job.toml:1: path \"x" + expected);
}

TEST(SideFiles, OfATestMustBeRead) {
  const TestFiles given = {{"a.txt", ""}, {"b.txt", ""}};
  EXPECT_EQ(problems_of(job_with({"a.txt"}), given),
            "job.toml: the test has a file \"b.txt\", expected one that a stage reads: a.txt");
  EXPECT_EQ(problems_of(job_with({""}), {{"b.txt", ""}}),
            "job.toml: the test has a file \"b.txt\", expected none, as no stage reads a file");
}

TEST(SideFiles, TravelToTheOtherRanksWithThePlan) {
  const TempFolder folder;
  Job job = job_with({folder.write("a", "one"), "", folder.write("b", "two")});
  Problems problems;
  read_side_files(job, problems);
  PlanMessage message;
  message.files = side_files(job);
  const std::string bytes = message.encode();
  const Result<PlanMessage> received = PlanMessage::decode(bytes);
  ASSERT_TRUE(received.is_ok()) << received.status().message();
  Job there = job_with({"x", "", "y"});
  ASSERT_TRUE(give_side_files(there, received->files));
  EXPECT_EQ(*there.stages[0].options.content("path"), "one");
  EXPECT_EQ(there.stages[1].options.content("path"), nullptr);
  EXPECT_EQ(*there.stages[2].options.content("path"), "two");
  Job other = job_with({"x"});
  EXPECT_FALSE(give_side_files(other, received->files));

  // Another content is another plan, under the same path.
  folder.write("b", "TWO");
  read_side_files(job, problems);
  message.files = side_files(job);
  EXPECT_NE(message.encode(), bytes);
}

TEST(SideFiles, OfADamagedPlanAreRefused) {
  PlanMessage message;
  message.files = {std::make_shared<const std::string>("content")};
  std::string bytes = message.encode();
  bytes.pop_back();
  EXPECT_FALSE(PlanMessage::decode(bytes).is_ok());
}

constexpr std::string_view kJob =
    "[input]\npaths = \"x\"\n[[stage]]\nuse = \"count\"\n[[test]]\ninput = \"a\"\noutput = []\n";

TEST(SideFiles, OfATestAreLinesOrText) {
  Problems problems;
  const Job job = parse_job(
      std::string(kJob) + "files = { \"a.txt\" = [\"x\", \"y\"], \"b.txt\" = \"no newline\" }\n",
      "job.toml", {}, problems);
  EXPECT_EQ(problems_text("job.toml", problems), "");
  ASSERT_EQ(job.tests.size(), 1u);
  EXPECT_THAT(job.tests[0].files,
              ElementsAre(testing::Pair("a.txt", "x\ny\n"), testing::Pair("b.txt", "no newline")));
}

TEST(SideFiles, OfATestAreNothingElse) {
  const auto problems_with = [](const std::string& line) {
    Problems problems;
    const Job job = parse_job(std::string(kJob) + line, "job.toml", {}, problems);
    return problems_text("job.toml", problems);
  };
  EXPECT_EQ(problems_with("files = \"a.txt\"\n"),
            "job.toml:8: files is a text, expected a table of lists of lines; write files = { "
            "\"the path in the stage\" = [\"a line\"] }");
  EXPECT_EQ(problems_with("files = { \"a.txt\" = [1] }\n"),
            "job.toml:8: files.\"a.txt\" is no list of texts, expected its lines; write files = { "
            "\"the path in the stage\" = [\"a line\"] }");
}

}  // namespace
}  // namespace shardmill
