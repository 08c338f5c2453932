// Units: a pure function of manifest and job.
#include "pipeline/plan/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/formats/compress.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Manifest files_of(const std::vector<uint64_t>& sizes) {
  Manifest manifest;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string path =
        std::string(1, static_cast<char>('a' + i)) + (sizes[i] % 10 == 7 ? ".gz" : ".txt");
    manifest.files.push_back({.path = path, .size_bytes = sizes[i], .mtime_ns = 1});
    manifest.total_bytes += sizes[i];
  }
  return manifest;
}

/// Stands for is_plain_file: sizes that end in 7 are compressed here.
bool by_name(const ManifestFile& file) {
  return file.path.ends_with(".txt");
}

/// "a", "a+b+c" for a bundle, "a[0,10)" for a range, with < and > for handovers.
std::vector<std::string> shown(const Manifest& manifest, const UnitOptions& options) {
  std::vector<std::string> out;
  for (const UnitRange& unit : make_units(manifest, options, by_name)) {
    std::string text;
    for (uint64_t i = 0; i < unit.file_count; ++i) {
      text += (i == 0 ? "" : "+") + manifest.files[unit.first_file + i].path.substr(0, 1);
    }
    if (unit.begin != 0 || unit.end != kEndOfFile) {
      text += "[" + std::to_string(unit.begin) + "," +
              (unit.end == kEndOfFile ? "end" : std::to_string(unit.end)) + ")";
    }
    if (unit.needs_handover) text = "<" + text;
    if (unit.gives_handover) text += ">";
    out.push_back(text);
  }
  return out;
}

TEST(Units, BigPlainFilesAreCutAndSmallOnesBundled) {
  const UnitOptions options = {.unit_bytes = 100, .bundle_files = 3};
  EXPECT_THAT(shown(files_of({10, 20, 250, 30, 40, 50, 60}), options),
              ElementsAre("a+b", "c[0,100)", "c[100,200)", "c[200,end)", "d+e",
                          "f"
                          "",
                          "g"));
}

TEST(Units, ABundleHoldsSoManyFilesAndBytes) {
  EXPECT_THAT(shown(files_of({0, 0, 0, 0, 0}), {.unit_bytes = 100, .bundle_files = 2}),
              ElementsAre("a+b", "c+d", "e"));
  EXPECT_THAT(shown(files_of({50, 50, 1, 99, 1}), {.unit_bytes = 100, .bundle_files = 9}),
              ElementsAre("a+b", "c+d", "e"));
  EXPECT_THAT(shown(files_of({100, 0, 0, 1}), {.unit_bytes = 100, .bundle_files = 9}),
              ElementsAre("a+b+c", "d"));
}

TEST(Units, AFileOfExactlyTheUnitIsNotCut) {
  EXPECT_THAT(shown(files_of({100}), {.unit_bytes = 100}), ElementsAre("a"));
  EXPECT_THAT(shown(files_of({101}), {.unit_bytes = 100}), ElementsAre("a[0,100)", "a[100,end)"));
  EXPECT_THAT(shown(files_of({200}), {.unit_bytes = 100}), ElementsAre("a[0,100)", "a[100,end)"));
}

TEST(Units, CompressedFilesAndJobsOfWholeFilesAreNotCut) {
  EXPECT_THAT(shown(files_of({207, 20}), {.unit_bytes = 100}), ElementsAre("a", "b"));
  EXPECT_THAT(shown(files_of({205, 20}), {.unit_bytes = 100, .can_cut = false}),
              ElementsAre("a", "b"));
}

TEST(Units, WithoutASizeEachFileIsAUnit) {
  EXPECT_THAT(shown(files_of({1, 0, 1000}), {.unit_bytes = 0}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(shown(files_of({}), {.unit_bytes = 100}), IsEmpty());
}

TEST(Units, RangesThatNeedAHandoverSaySo) {
  EXPECT_THAT(shown(files_of({5, 250}), {.unit_bytes = 100, .needs_handover = true}),
              ElementsAre("a", "b[0,100)>", "<b[100,200)>", "<b[200,end)"));
}

TEST(Units, EveryByteOfEveryFileIsInOneUnit) {
  uint64_t state = 1;
  const auto next = [&state](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  for (int round = 0; round < 500; ++round) {
    std::vector<uint64_t> sizes(next(20));
    for (uint64_t& size : sizes) size = next(4) == 0 ? next(2000) : next(60);
    const Manifest manifest = files_of(sizes);
    const UnitOptions options = {.unit_bytes = next(300), .bundle_files = 1 + next(5)};
    const std::vector<UnitRange> units = make_units(manifest, options, by_name);
    std::vector<uint64_t> reached(sizes.size(), 0);
    std::vector<int> seen(sizes.size(), 0);
    for (uint64_t i = 0; i < units.size(); ++i) {
      const Unit unit = expand_unit(manifest, units, i);
      EXPECT_EQ(unit.index, i);
      EXPECT_LE(unit.slices.size(), std::max<uint64_t>(options.bundle_files, 1));
      for (const FileSlice& slice : unit.slices) {
        EXPECT_EQ(slice.path, manifest.files[slice.file_index].path);
        EXPECT_EQ(slice.size_bytes, sizes[slice.file_index]);
        EXPECT_EQ(slice.begin, reached[slice.file_index]);
        reached[slice.file_index] = std::min(slice.end, slice.size_bytes);
        ++seen[slice.file_index];
      }
      EXPECT_TRUE(unit.slices.size() == 1 || unit.bytes() <= options.unit_bytes);
    }
    EXPECT_EQ(reached, sizes);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0);
  }
}

TEST(Units, TheLargestIsDealtFirstAndRangesInTheOrderOfTheFile) {
  const Manifest manifest = files_of({10, 250, 507, 20, 250});
  const UnitOptions options = {.unit_bytes = 100, .needs_handover = true};
  // a, b0, b1, b2, c (compressed), d, e0, e1, e2
  const std::vector<UnitRange> units = make_units(manifest, options, by_name);
  ASSERT_EQ(units.size(), 9u);
  EXPECT_THAT(dealing_order(manifest, units), ElementsAre(4, 1, 2, 6, 7, 3, 8, 5, 0));
}

TEST(Units, RangesStayInOrderForAnySizes) {
  for (uint64_t size = 1; size < 1200; size += 7) {
    const Manifest manifest = files_of({size / 2 * 10, size * 10, 30, size * 20});
    const std::vector<UnitRange> units =
        make_units(manifest, {.unit_bytes = 1000, .needs_handover = true}, by_name);
    std::vector<uint64_t> last(4, 0);
    for (const uint64_t index : dealing_order(manifest, units)) {
      const UnitRange& unit = units[index];
      if (unit.file_count > 1) continue;
      EXPECT_GE(unit.begin, last[unit.first_file]);
      last[unit.first_file] = unit.begin;
    }
  }
}

TEST(Units, TheSizeThatFitsLeavesWorkForManyWorkers) {
  constexpr uint64_t kMiB = 1 << 20;
  Manifest manifest;
  manifest.total_bytes = 10 * kMiB;
  EXPECT_EQ(fitting_unit_bytes(manifest, 64 * kMiB), kMiB);
  manifest.total_bytes = 1024 * kMiB;
  EXPECT_EQ(fitting_unit_bytes(manifest, 64 * kMiB), 16 * kMiB);
  manifest.total_bytes = uint64_t{1} << 50;
  EXPECT_EQ(fitting_unit_bytes(manifest, 64 * kMiB), 64 * kMiB);
}

TEST(Units, OnlyFilesThatAreNotPackedArePlain) {
  const TempFolder folder;
  const auto is_plain = [&](std::string_view content) {
    return is_plain_file({.path = folder.write("f", content), .size_bytes = content.size()});
  };
  EXPECT_TRUE(is_plain("text\n"));
  EXPECT_TRUE(is_plain("t"));
  EXPECT_FALSE(is_plain(gzip_member("text\n", 0)));
  EXPECT_FALSE(is_plain(zstd_frame("text\n", 0)));
  EXPECT_FALSE(is_plain("BZh91AY&SY"));
  EXPECT_FALSE(is_plain_file({.path = folder.path() / "gone", .size_bytes = 5}));
}

}  // namespace
}  // namespace shardmill
