// The house: which folder may include which, and which single files see the heavy headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAreArray;
using testing::IsEmpty;

struct SourceFile {
  std::string path;  ///< from the top of the repository
  std::string text;
};

struct Include {
  std::string file;  ///< that includes
  std::string what;
  bool ours = false;  ///< of this project
};

std::vector<SourceFile> read_sources() {
  namespace fs = std::filesystem;
  const fs::path top = SHARDMILL_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const char* folder : {"pipeline", "inputs", "stages"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".cpp" && extension != ".h" && extension != ".inl") continue;
      files.push_back({fs::relative(entry.path(), top).string(), read_file(entry.path())});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

const std::vector<SourceFile>& sources() {
  static const std::vector<SourceFile> files = read_sources();
  return files;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<Include> includes() {
  std::vector<Include> list;
  for (const SourceFile& file : sources()) {
    for (const std::string_view line : lines_of(file.text)) {
      constexpr std::string_view kDirective = "#include ";
      if (!line.starts_with(kDirective) || line.size() < kDirective.size() + 2) continue;
      const bool quoted = line[kDirective.size()] == '"';
      const std::string_view rest = line.substr(kDirective.size() + 1);
      const size_t end = rest.find(quoted ? '"' : '>');
      if (end == std::string_view::npos) continue;
      const std::string what(rest.substr(0, end));
      list.push_back({file.path, what, quoted && !what.starts_with("hwy/")});
    }
  }
  return list;
}

/// "pipeline/core" for "pipeline/core/batch.h"; "inputs", "stages"; "main" for pipeline/main.cpp.
std::string room_of(const std::string& path) {
  if (path == "pipeline/main.cpp") return "main";
  const size_t first = path.find('/');
  if (!path.starts_with("pipeline/")) return path.substr(0, first);
  return path.substr(0, path.find('/', first + 1));
}

/// For each room, the rooms that its files may include.
const std::map<std::string, std::set<std::string>>& allowed_rooms() {
  static const std::map<std::string, std::set<std::string>> rooms = [] {
    const std::set<std::string> base = {"pipeline/base"};
    std::set<std::string> formats = base;
    formats.insert("pipeline/formats");
    std::set<std::string> core = formats;
    core.insert("pipeline/core");
    const auto with = [](std::set<std::string> below, std::initializer_list<const char*> more) {
      below.insert(more.begin(), more.end());
      return below;
    };
    const std::set<std::string> run =
        with(core, {"pipeline/plan", "pipeline/comm", "pipeline/report", "pipeline/run"});
    const std::set<std::string> cli = with(run, {"pipeline/cli"});
    return std::map<std::string, std::set<std::string>>{
        {"pipeline/base", base},
        {"pipeline/formats", formats},
        {"pipeline/core", core},
        {"pipeline/plan", with(core, {"pipeline/plan"})},
        {"pipeline/comm", with(base, {"pipeline/comm"})},
        {"pipeline/report", with(core, {"pipeline/report"})},
        {"pipeline/run", run},
        {"pipeline/cli", cli},
        {"main", cli},
        {"inputs", with(core, {"inputs"})},
        {"stages", with(core, {"stages"})},
    };
  }();
  return rooms;
}

std::vector<std::string> files_that_include(std::string_view header) {
  std::set<std::string> files;
  for (const Include& include : includes()) {
    if (include.what == header || include.what.ends_with("/" + std::string(header))) {
      files.insert(include.file);
    }
  }
  return {files.begin(), files.end()};
}

TEST(House, DependenciesPointDownwardsOnly) {
  std::vector<std::string> wrong;
  for (const Include& include : includes()) {
    if (!include.ours) continue;
    const std::string from = room_of(include.file);
    ASSERT_TRUE(allowed_rooms().contains(from)) << include.file << " is in no known folder";
    if (!allowed_rooms().at(from).contains(room_of(include.what))) {
      wrong.push_back(include.file + " includes " + include.what);
    }
  }
  EXPECT_THAT(wrong, IsEmpty());
  EXPECT_GT(includes().size(), 100u);
}

TEST(House, StagesAndInputsShareOnlyTheirSupport) {
  std::vector<std::string> wrong;
  for (const Include& include : includes()) {
    const std::string room = room_of(include.what);
    if (!include.ours || (room != "stages" && room != "inputs")) continue;
    if (!include.what.starts_with(room + "/support/")) {
      wrong.push_back(include.file + " includes " + include.what);
    }
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(House, EveryProjectHeaderIsThere) {
  std::vector<std::string> wrong;
  for (const Include& include : includes()) {
    if (!include.ours) continue;
    const bool is_there = std::any_of(sources().begin(), sources().end(),
                                      [&](const auto& file) { return file.path == include.what; });
    if (!is_there) wrong.push_back(include.file + " includes " + include.what);
  }
  EXPECT_THAT(wrong, IsEmpty());
}

struct HeavyHeader {
  std::string header;
  std::vector<std::string> files;  ///< the only ones that include it
};

class Heavy : public testing::TestWithParam<HeavyHeader> {};

TEST_P(Heavy, IsSeenByTheListedFilesOnly) {
  EXPECT_THAT(files_that_include(GetParam().header), ElementsAreArray(GetParam().files))
      << "each of these costs seconds of every build; mpi.h outside its file also breaks the house";
}

INSTANTIATE_TEST_SUITE_P(
    Headers, Heavy,
    testing::Values(
        HeavyHeader{"mpi.h", {"pipeline/comm/mpi_comm.cpp"}},
        HeavyHeader{"hdf5.h", {"pipeline/formats/hdf5_objects.h"}},
        HeavyHeader{"toml.h", {"pipeline/plan/toml_tree.cpp"}},
        HeavyHeader{"CLI.hpp", {"pipeline/cli/arguments.cpp"}},
        HeavyHeader{"simdjson.h", {"inputs/support/json_index.cpp"}}, HeavyHeader{"json.hpp", {}},
        HeavyHeader{"pcre2.h", {"stages/support/regex.cpp"}},
        HeavyHeader{"highway.h",
                    {"inputs/support/json_block.cpp", "inputs/support/json_marks.cpp",
                     "inputs/support/text_kernels.cpp", "pipeline/formats/number_fields.cpp",
                     "stages/support/float_planes.cpp", "stages/support/literal_search.cpp",
                     "stages/support/words.cpp"}},
        HeavyHeader{"hwloc.h", {}}, HeavyHeader{"fast_float.h", {"pipeline/formats/numbers.cpp"}}),
    [](const auto& heavy) {
      std::string name = heavy.param.header;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return c == '.'; }, '_');
      return name;
    });

TEST(House, OpenMpLivesInTheWorkerTeam) {
  std::vector<std::string> files;
  for (const SourceFile& file : sources()) {
    if (file.text.find("#pragma omp") != std::string::npos) files.push_back(file.path);
  }
  EXPECT_THAT(files, ElementsAreArray({"pipeline/run/team.cpp"}));
}

/// "Plan" for `struct Plan {` or `class Plan final : public Base {`; "" for all other lines.
std::string type_defined_by(std::string_view line) {
  for (const std::string_view kind : {"enum class ", "struct ", "class "}) {
    if (!line.starts_with(kind) || line.ends_with(";")) continue;
    line.remove_prefix(kind.size());
    return std::string(line.substr(0, line.find_first_of(" :{")));
  }
  return {};
}

// The linker takes one of two inline functions of one name, and says nothing.
TEST(House, NoTwoHeadersDefineTypesOfOneName) {
  std::map<std::string, std::set<std::string>> headers;
  for (const SourceFile& file : sources()) {
    if (!file.path.ends_with(".h")) continue;
    for (const std::string_view line : lines_of(file.text)) {
      const std::string type = type_defined_by(line);
      if (!type.empty()) headers[type].insert(file.path);
    }
  }
  EXPECT_GT(headers.size(), 200u);
  for (const auto& [type, files] : headers) {
    EXPECT_EQ(files.size(), 1u) << type << " is defined in " << testing::PrintToString(files);
  }
}

TEST(House, EveryHeaderIsIncludedOnceByItself) {
  for (const SourceFile& file : sources()) {
    if (!file.path.ends_with(".h")) continue;
    EXPECT_NE(file.text.find("#pragma once"), std::string::npos) << file.path;
  }
}

}  // namespace
}  // namespace shardmill
