// Runs whole jobs in this process on any layout, over LocalComm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/report/description.h"

namespace shardmill {

struct Layout {
  int ranks = 1;
  unsigned threads = 1;
  uint64_t chunk_bytes = 256 << 10;
  uint64_t unit_bytes = 64 << 20;  ///< 0: whole files
  std::string text() const;
};

/// ranks {1, 2, 3, 7} x threads {1, 3} x chunk sizes {64 B, 4 KiB, 256 KiB} x unit sizes {1 KiB, 1
/// MiB, whole}. Under sanitizers, which take many times as long, 12 of them that hold every pair of
/// values: the answers are those of the same code, and what they look for takes two at most.
std::vector<Layout> all_layouts();
/// A few that differ in everything, for cases with much data.
std::vector<Layout> sample_layouts();

struct RunFiles {
  Status status;
  RunDescription description;
  /// Contents of results.json and of every file below output/, by path relative to the run
  /// directory.
  std::map<std::string, std::string> contents;
};

/// Plans and runs `job_text` into `run_dir`, which must not exist yet.
RunFiles run_on_layout(std::string_view job_text, const Layout& layout,
                       const std::filesystem::path& run_dir);

/// Plans and runs the job, going on from what is in `run_dir`; a rank that has looked `polls` times
/// wants it to stop.
RunFiles run_until(std::string_view job_text, const Layout& layout,
                   const std::filesystem::path& run_dir, int polls);

/// Stops the job again and again, softly and at random moments, and goes on each time with the next
/// of `layouts` (all with its first unit size), until it ends.
RunFiles run_with_stops(std::string_view job_text, const std::vector<Layout>& layouts,
                        const std::filesystem::path& run_dir, unsigned seed);

/// Fails the test unless the job gives the same bytes on every layout, and with stops on the way;
/// returns the first run.
RunFiles expect_same_on(const std::vector<Layout>& layouts, std::string_view job_text);

}  // namespace shardmill
