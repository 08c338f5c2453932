#include "tests/support/job_runner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <iterator>
#include <optional>
#include <random>

#include "pipeline/plan/plan.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_dir.h"
#include "tests/support/files.h"

namespace shardmill {

namespace {

#ifdef SHARDMILL_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

Result<Plan> plan_for(std::string_view job_text, const Layout& layout,
                      const std::filesystem::path& run_dir) {
  const Settings settings = {{"input.chunk_bytes", std::to_string(layout.chunk_bytes)},
                             {"input.unit_bytes", std::to_string(layout.unit_bytes)}};
  Problems problems;
  Job job = parse_job(job_text, "job.toml", settings, problems);
  if (!problems.empty()) return Status::usage(problems_text("job.toml", problems));
  const std::string first = can_resume(run_dir.string()) ? first_manifest(run_dir.string()) : "";
  Result<Plan> plan = make_plan(std::move(job), run_dir.string(), problems, first);
  if (!problems.empty()) return Status::usage(problems_text("job.toml", problems));
  return plan;
}

void read_outputs(const std::filesystem::path& run_dir, RunFiles& files) {
  namespace fs = std::filesystem;
  for (const char* name : {"results.json", "bad_records.jsonl"}) {
    if (fs::exists(run_dir / name)) files.contents[name] = read_file(run_dir / name);
  }
  if (!fs::exists(run_dir / "output")) return;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(run_dir / "output")) {
    if (!entry.is_regular_file()) continue;
    files.contents[fs::relative(entry.path(), run_dir).string()] = read_file(entry.path());
  }
}

/// The first place where two texts differ, with some of what stands there.
std::string difference(const std::string& a, const std::string& b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const size_t from = at < 40 ? 0 : at - 40;
  return fmt::format("sizes {} and {}, first difference at byte {}:\n  {}\n  {}", a.size(),
                     b.size(), at, a.substr(from, 160), b.substr(from, 160));
}

void expect_equal(const RunFiles& expected, const RunFiles& found, const std::string& where) {
  EXPECT_EQ(found.status.message(), expected.status.message()) << where;
  for (const auto& [path, content] : expected.contents) {
    const auto at = found.contents.find(path);
    if (at == found.contents.end()) {
      ADD_FAILURE() << where << ": no " << path;
    } else if (at->second != content) {
      ADD_FAILURE() << where << ": " << path << ": " << difference(content, at->second);
    }
  }
  EXPECT_EQ(found.contents.size(), expected.contents.size()) << where;
}

}  // namespace

std::string Layout::text() const {
  return fmt::format("{} ranks x {} threads, chunks of {} B, units of {} B", ranks, threads,
                     chunk_bytes, unit_bytes);
}

std::vector<Layout> all_layouts() {
  const uint64_t unit_sizes[] = {0, 1 << 20, 1 << 10};
  const uint64_t chunk_sizes[] = {256 << 10, 4 << 10, 64};
  const int ranks[] = {1, 2, 3, 7};
  const unsigned threads[] = {1, 3};
  std::vector<Layout> layouts;
  for (size_t u = 0; u < std::size(unit_sizes); ++u) {
    for (size_t c = 0; c < std::size(chunk_sizes); ++c) {
      for (size_t r = 0; r < std::size(ranks); ++r) {
        for (size_t t = 0; t < std::size(threads); ++t) {
          const bool of_pairs = (u + c + r) % 3 == 0 && (c + r / 2 + t) % 2 == 0;
          if (kSanitized && !of_pairs) continue;
          layouts.push_back({ranks[r], threads[t], chunk_sizes[c], unit_sizes[u]});
        }
      }
    }
  }
  return layouts;
}

std::vector<Layout> sample_layouts() {
  return {{1, 1, 256 << 10, 0},
          {1, 3, 4 << 10, 1 << 20},
          {3, 1, 64, 1 << 10},
          {2, 3, 4 << 10, 1 << 10},
          {7, 1, 256 << 10, 4 << 10}};
}

namespace {

constexpr int kNever = -1;

/// `polls`: after so many looks a rank wants the run to stop.
RunFiles run_once(std::string_view job_text, const Layout& layout,
                  const std::filesystem::path& run_dir, int polls) {
  RunFiles files;
  std::atomic<int> left = polls;
  run_local_ranks(layout.ranks, [&](Comm& comm) {
    RunRequest request = {.run_dir = run_dir.string(), .threads = layout.threads, .quiet = true};
    request.stop_wish = [&]() -> std::optional<std::string> {
      if (polls == kNever || left-- > 0) return std::nullopt;
      return "the test";
    };
    if (comm.rank() != 0) {
      const Status ignored = run_job(comm, nullptr, request, nullptr);
      (void)ignored;
      return;
    }
    Result<Plan> plan = plan_for(job_text, layout, run_dir);
    files.status = run_job(comm, &plan, request, &files.description);
  });
  read_outputs(run_dir, files);
  return files;
}

/// Layouts that go on from each other, for cases with stops.
std::vector<Layout> stopping_layouts(uint64_t unit_bytes) {
  return {{2, 2, 64, unit_bytes},
          {1, 3, 4 << 10, unit_bytes},
          {3, 1, 256 << 10, unit_bytes},
          {1, 1, 64, unit_bytes},
          {7, 1, 4 << 10, unit_bytes}};
}

}  // namespace

RunFiles run_on_layout(std::string_view job_text, const Layout& layout,
                       const std::filesystem::path& run_dir) {
  return run_once(job_text, layout, run_dir, kNever);
}

RunFiles run_until(std::string_view job_text, const Layout& layout,
                   const std::filesystem::path& run_dir, int polls) {
  return run_once(job_text, layout, run_dir, polls);
}

RunFiles run_with_stops(std::string_view job_text, const std::vector<Layout>& layouts,
                        const std::filesystem::path& run_dir, unsigned seed) {
  std::minstd_rand random(seed);
  const std::string often = std::string(job_text) + "\n[run]\ncheckpoint = \"1ms\"\n";
  const bool has_run_table = job_text.find("[run]") != std::string_view::npos;
  const std::string job = has_run_table ? std::string(job_text) : often;
  RunFiles files;
  for (const Layout& layout : layouts) {
    files = run_once(job, layout, run_dir, static_cast<int>(random() % 12));
    if (files.status.code() != Code::kStopped) return files;
  }
  return run_once(job, layouts[0], run_dir, kNever);
}

RunFiles expect_same_on(const std::vector<Layout>& layouts, std::string_view job_text) {
  const TempFolder folder;
  RunFiles first;
  for (size_t i = 0; i < layouts.size(); ++i) {
    const std::filesystem::path run_dir = folder.path() / ("run-" + std::to_string(i));
    RunFiles files = run_on_layout(job_text, layouts[i], run_dir);
    std::filesystem::remove_all(run_dir);
    if (i == 0) {
      EXPECT_TRUE(files.status.is_ok()) << files.status.message();
      EXPECT_TRUE(files.contents.contains("results.json"));
      first = std::move(files);
    } else {
      expect_equal(first, files, layouts[i].text());
    }
    if (testing::Test::HasFailure()) return first;
  }
  for (unsigned seed = 1; seed <= 2; ++seed) {
    const std::filesystem::path run_dir = folder.path() / "run-with-stops";
    const RunFiles files = run_with_stops(job_text, stopping_layouts(1 << 10), run_dir, seed);
    EXPECT_FALSE(std::filesystem::exists(run_dir / "checkpoint"));
    std::filesystem::remove_all(run_dir);
    expect_equal(first, files, fmt::format("with stops, seed {}", seed));
    if (testing::Test::HasFailure()) return first;
  }
  return first;
}

}  // namespace shardmill
