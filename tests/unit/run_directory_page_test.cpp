// docs/run-directory.md against the files of a run that has something of everything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "pipeline/core/registry.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::HasSubstr;

const std::string kPage =
    read_file(std::filesystem::path(SHARDMILL_SOURCE_DIR) / "docs/run-directory.md");

/// The keys of all objects in a JSON text.
std::set<std::string> keys_of(const std::string& json) {
  std::set<std::string> keys;
  for (size_t at = json.find('"'); at != std::string::npos; at = json.find('"', at)) {
    size_t end = at + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end + 1 < json.size() && json[end + 1] == ':')
      keys.insert(json.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return keys;
}

std::set<std::string> fields_of_first_line(const std::string& table) {
  std::set<std::string> fields;
  const std::string line = table.substr(0, table.find('\n'));
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find('\t', at), line.size());
    fields.insert(line.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

/// Names that stages and data give, not the formats.
std::set<std::string> given_names() {
  std::set<std::string> names = {"city", "ms", "said", "word"};
  for (const StageSpec& stage : all_stages()) {
    for (const NamedCount& reason : stage.drop_reasons) names.insert(reason.name);
    for (const NamedCount& counter : stage.counters) names.insert(counter.name);
  }
  return names;
}

class RunDirectoryPage : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write(
        "data/a.csv",
        "city,ms,said\nBonn,2,one two\nBonn,1,zero\nUlm,x,three\nUlm,3,\nBonn,4,a b "
        "c\n\"bad\"x,5,z\n"
        "Bonn,6,d\nBonn,7,e\nBonn,8,f\nBonn,9,g\nBonn,10,h\nBonn,11,i\nBonn,12,j\n\"never closed");
    folder_.write("data/b.csv.gz", std::string("\x1f\x8b\x08\0 cut off", 12));
    folder_.write("job.toml", R"toml(
[input]
paths = ["data"]
types = { ms = "int" }
[[stage]]
use = "keep"
where = "ms > 1 or ms is null"
[[stage]]
use = "split"
column = "said"
into = "word"
[[stage]]
use = "group"
by = ["city"]
compute = ["count()", "distinct(word)", "p50(ms)"]
[[stage]]
use = "write"
path = "out.csv"
[run]
show = 2
)toml");
    const CommandResult result = run_command("cd " + folder_.path().string() +
                                             " && " SHARDMILL_BINARY " run job.toml --quiet 2>&1");
    ASSERT_EQ(result.exit_code, 0) << result.output;
  }

  std::string file(const std::string& name) const {
    return read_file(folder_.path() / "job.run" / name);
  }

  static void expect_explained(const std::set<std::string>& names, const std::string& where) {
    ASSERT_FALSE(names.empty()) << where;
    const std::set<std::string> given = given_names();
    for (const std::string& name : names) {
      if (given.count(name) > 0) continue;
      EXPECT_THAT(kPage, HasSubstr("`" + name + "`"))
          << "docs/run-directory.md does not explain " << name << " of " << where;
    }
  }

  TempFolder folder_;
};

TEST_F(RunDirectoryPage, NamesEveryFile) {
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "job.run")) {
    const std::string name = entry.path().filename().string() + (entry.is_directory() ? "/" : "");
    EXPECT_THAT(kPage, HasSubstr("\n| `" + name + "` |"));
  }
}

TEST_F(RunDirectoryPage, ExplainsEveryKeyOfTheJsonFiles) {
  for (const char* name :
       {"results.json", "run.json", "status.json", "schema.json", "bad_records.jsonl"}) {
    expect_explained(keys_of(file(name)), name);
  }
  // The run had something of everything that is only there if there is something to say.
  for (const char* key : {"dropped_examples", "shown", "bad_values", "made", "counters", "error",
                          "piece", "key_columns", "examples"}) {
    EXPECT_THAT(keys_of(file("results.json")), testing::Contains(key));
  }
}

TEST_F(RunDirectoryPage, ExplainsEveryColumnOfTheTables) {
  for (const char* name : {"files.tsv", "manifest.tsv"}) {
    expect_explained(fields_of_first_line(file(name)), name);
  }
}

TEST_F(RunDirectoryPage, NamesEveryPartOfTheReport) {
  // A part begins with a line that stands at the margin behind an empty one.
  const std::string report = file("report.txt");
  const std::string page = kPage.substr(kPage.find("## report.txt"));
  size_t parts = 0;
  for (size_t at = report.find("\n\n"); at != std::string::npos; at = report.find("\n\n", at + 1)) {
    std::string title = report.substr(at + 2, report.find('\n', at + 2) - at - 2);
    title = title.substr(0, title.find("  "));
    if (title.empty() || title == "group" || title.starts_with("everything")) continue;
    EXPECT_THAT(page, HasSubstr("| " + title + " |"));
    parts += 1;
  }
  EXPECT_GE(parts, 6u) << report;
  for (const char* line : {"read", "left out", "took", "speed", "ran as", "memory", "books"}) {
    if (report.find(std::string("\n  ") + line + "  ") == std::string::npos) continue;
    EXPECT_THAT(page, HasSubstr("`" + std::string(line) + "`"));
  }
}

}  // namespace
}  // namespace shardmill
