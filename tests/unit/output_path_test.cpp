#include "stages/support/output_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "pipeline/core/sink.h"
#include "pipeline/run/output_file.h"

namespace shardmill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Values = std::vector<std::optional<std::string>>;

OutputPath parsed(std::string_view path, bool numbered = false, std::string_view extension = "") {
  Message problem;
  std::optional<OutputPath> made = OutputPath::parse(path, extension, numbered, problem);
  EXPECT_TRUE(made) << problem.text();
  return made ? *std::move(made) : OutputPath();
}

std::string problem_of(std::string_view path, bool numbered = false) {
  Message problem;
  EXPECT_FALSE(OutputPath::parse(path, ".csv", numbered, problem));
  return problem.text();
}

std::string name_of(std::string_view path, const Values& values) {
  return parsed(path).name(values);
}

TEST(OutputPath, SeparatesTheFolderFromWhatColumnsDecide) {
  const OutputPath path = parsed("by/all//{country}/./{year}-x.csv");
  EXPECT_EQ(path.folder(), "by/all");
  EXPECT_EQ(path.pattern(), "{country}/{year}-x.csv");
  EXPECT_THAT(path.columns(), ElementsAre("country", "year"));
  EXPECT_EQ(path.name(Values{"NO", "2024"}), "NO/2024-x.csv");
  EXPECT_EQ(parsed("/data/{a}.csv").folder(), "/data");
  EXPECT_EQ(parsed("{a}.csv").folder(), "");
}

TEST(OutputPath, NumbersStandBeforeTheExtensionOrWhereTheyAreAskedFor) {
  EXPECT_EQ(parsed("a/b.csv.gz", true, ".csv.gz").folder(), std::string("a/b-\0.csv.gz", 12));
  EXPECT_EQ(parsed("{part}/b.csv", true, ".csv").folder(), std::string("\0/b.csv", 7));
  const OutputPath by = parsed("{a}.csv", true, ".csv");
  EXPECT_EQ(by.name(Values{"x"}), std::string("x-\0.csv", 7));
  const OutputPath folders = parsed("/data/p{part}/{a}.csv", true, ".csv");
  EXPECT_EQ(folders.folder(), "/data");
  EXPECT_EQ(folders.name(Values{"x"}), std::string("p\0/x.csv", 8));
}

struct Named {
  std::string_view value;
  const char* name;
};

TEST(OutputPath, NoValueLeavesTheFolder) {
  const Named cases[] = {{"NO", "NO.csv"},
                         {"no", "no.csv"},
                         {"..", "%2E..csv"},
                         {".", "%2E.csv"},
                         {".hidden", "%2Ehidden.csv"},
                         {"a.b", "a.b.csv"},
                         {"/", "%2F.csv"},
                         {"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.csv"},
                         {"%2F", "%252F.csv"},
                         {"", "%empty.csv"},
                         {"%empty", "%25empty.csv"},
                         {"%null", "%25null.csv"},
                         {{"a\0b", 3}, "a%00b.csv"},
                         {"a\nb\r\t", "a%0Ab%0D%09.csv"},
                         {"\x7f", "%7F.csv"},
                         {"caf\xc3\xa9", "caf\xc3\xa9.csv"},
                         {"caf\xe9", "caf%E9.csv"},
                         {"\xc0\xaf", "%C0%AF.csv"},  // a slash in too many bytes
                         {"a b*?\\", "a b*?\\.csv"}};
  for (const Named& one : cases) {
    const std::string name = name_of("{k}.csv", {std::string(one.value)});
    EXPECT_EQ(name, one.name);
    EXPECT_TRUE(is_plain_relative_path(name)) << name;
  }
  EXPECT_EQ(name_of("{k}.csv", {std::nullopt}), "%null.csv");
}

TEST(OutputPath, AFolderOfAValueIsAPlainName) {
  for (const char* value : {"", ".", "..", "/", "a/", "//"}) {
    const std::string name = name_of("{k}/x.csv", {value});
    EXPECT_TRUE(is_plain_relative_path(name)) << name;
    EXPECT_EQ(std::count(name.begin(), name.end(), '/'), 1) << name;
  }
}

TEST(OutputPath, LongValuesKeepTheirStartAndHaveTheirHash) {
  const std::string start(1000, 'x');
  const std::string name = name_of("{k}.csv", {start + "1"});
  EXPECT_EQ(name.size(), 255u);
  EXPECT_EQ(name.substr(0, 219), start.substr(0, 217) + "%~");
  EXPECT_NE(name, name_of("{k}.csv", {start + "2"}));
  EXPECT_EQ(name_of("{k}.csv", {std::string(251, 'y')}), std::string(251, 'y') + ".csv");
  const std::string letters = name_of("{k}.csv", {std::string(400, '\xc3') + "\xc3\xa9"});
  EXPECT_EQ(letters.substr(letters.find("%~") - 3, 3), "%C3") << "an escape stays whole";
}

TEST(OutputPath, ValuesBeyondAKilobyteAreKnownByTheirKey) {
  const std::string start(kWholeValueBytes, 'x');
  const std::string key = long_value_key(start + "1");
  EXPECT_EQ(key.size(), kWholeValueBytes + 32);
  EXPECT_NE(key, long_value_key(start + "2"));
  const std::string name = name_of("{k}.csv", {key});
  EXPECT_EQ(name.size(), 255u);
  EXPECT_TRUE(name.ends_with(key.substr(kWholeValueBytes) + ".csv")) << name;
}

// All pairs of short texts of the bytes that could be mistaken for each other.
TEST(OutputPath, DifferentValuesHaveDifferentNames) {
  std::vector<std::string> texts = {""};
  for (size_t begin = 0, round = 0; round < 2; ++round) {
    const size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (const char byte : std::string_view("-%/.2Fx\n\xff\0", 10))
        texts.push_back(texts[begin] + byte);
    }
  }
  for (const char* path : {"{a}-{b}.csv", "{a}/{b}.csv", "{a}-x-{b}.csv", "{a}.{b}"}) {
    const OutputPath made = parsed(path);
    std::set<std::string> names;
    for (const std::string& a : texts) {
      for (const std::string& b : texts) {
        const std::string name = made.name(Values{a, b});
        EXPECT_TRUE(names.insert(name).second) << path << " " << name;
        EXPECT_TRUE(is_plain_relative_path(name)) << name;
      }
    }
    EXPECT_TRUE(names.insert(made.name(Values{std::nullopt, "x"})).second);
    EXPECT_TRUE(names.insert(made.name(Values{"x", std::nullopt})).second);
  }
}

TEST(OutputPath, SaysWhatIsWrongWithBraces) {
  for (const char* path : {"{a.csv", "a}.csv", "{}.csv", "{a{b}.csv"}) {
    EXPECT_THAT(problem_of(path),
                HasSubstr("\" with a brace that stands alone, expected names of columns in braces, "
                          "as in \"by/{country}.csv\""))
        << path;
  }
  EXPECT_EQ(problem_of("{a}{b}.csv"),
            "path \"{a}{b}.csv\" with braces side by side in one name, expected something between "
            "them that is no letter, digit or \"%\"; put \"-\" or \"/\" between them");
  EXPECT_THAT(problem_of("{a}to{b}.csv"), HasSubstr("side by side"));
  EXPECT_EQ(
      problem_of("{a}%.csv"),
      "path \"{a}%.csv\" with \"%\" beside a column, expected none there, since it marks what "
      "is escaped in values");
  EXPECT_EQ(problem_of("{part}.csv"),
            "path \"{part}.csv\" with {part}, expected max_records or max_bytes with it; {part} is "
            "the number of a part; a stage `select` can rename a column");
  EXPECT_THAT(problem_of("{part}/{part}.csv", true), HasSubstr("with two {part}, expected one"));
  EXPECT_THAT(problem_of("{a}-" + std::string(210, 'x') + ".csv"),
              HasSubstr("x...\" with a name that leaves little room, expected at least 50 of 255 "
                        "bytes for each column; shorten the name, or put \"/\" between columns"));
}

}  // namespace
}  // namespace shardmill
