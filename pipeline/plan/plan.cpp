#include "pipeline/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/hash.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/memory.h"
#include "pipeline/plan/run_identity.h"

namespace shardmill {

namespace {

constexpr uint64_t kUnitsMax = 50'000'000;  ///< 32 bytes each in the memory of rank 0

/// The `most` files with the smallest hash of their path, smallest first; empty files only if all
/// are. The list may be long: only few more than are wanted are held at a time.
std::vector<uint64_t> smallest_by_hash(const Manifest& manifest, size_t most) {
  const auto is_empty = [](const ManifestFile& file) { return file.size_bytes == 0; };
  const bool all_empty = std::all_of(manifest.files.begin(), manifest.files.end(), is_empty);
  std::vector<std::pair<uint64_t, uint64_t>> hashed;
  for (uint64_t i = 0; i < manifest.files.size(); ++i) {
    const ManifestFile& file = manifest.files[i];
    if (is_empty(file) && !all_empty) continue;
    hashed.emplace_back(hash64(file.path), i);
    if (hashed.size() < 4 * most) continue;
    std::nth_element(hashed.begin(), hashed.begin() + static_cast<ptrdiff_t>(most), hashed.end());
    hashed.resize(most);
  }
  std::sort(hashed.begin(), hashed.end());
  hashed.resize(std::min(hashed.size(), most));
  std::vector<uint64_t> files;
  for (const auto& [hash, file] : hashed) files.push_back(file);
  return files;
}

/// In the order of the manifest.
std::vector<FileSlice> slices_of(const Manifest& manifest, std::vector<uint64_t> files) {
  std::sort(files.begin(), files.end());
  std::vector<FileSlice> slices;
  for (const uint64_t index : files) {
    const ManifestFile& file = manifest.files[index];
    slices.push_back({.file_index = index,
                      .path = file.path,
                      .size_bytes = file.size_bytes,
                      .mtime_ns = file.mtime_ns});
  }
  return slices;
}

bool needs_whole_files(const Job& job) {
  return std::any_of(job.stages.begin(), job.stages.end(), [](const JobStage& stage) {
    const auto decide = stage.spec->needs_whole_files_if;
    return stage.spec->needs_whole_files || (decide != nullptr && decide(stage.options));
  });
}

/// Only stages that wait for programs pass records on late.
bool runs_programs(const Job& job) {
  return std::any_of(job.stages.begin(), job.stages.end(),
                     [](const JobStage& stage) { return stage.spec->passes_late; });
}

UnitOptions unit_options(const Job& job, const Manifest& manifest) {
  const JobInput& input = job.input;
  const InputSpec& format = *input.format;
  UnitOptions options;
  options.unit_bytes =
      input.unit_bytes_given ? input.unit_bytes : fitting_unit_bytes(manifest, input.unit_bytes);
  options.bundle_files = input.bundle_files;
  options.can_cut = !needs_whole_files(job) &&
                    (format.can_cut == nullptr || format.can_cut(input.format_options));
  options.needs_handover =
      format.needs_handover != nullptr && format.needs_handover(input.format_options);
  // A program may fail on what a wrongly guessed start makes of a good file.
  if (options.needs_handover && runs_programs(job)) options.can_cut = false;
  return options;
}

void check_unit_count(const UnitOptions& options, const Manifest& manifest, const Job& job,
                      Problems& problems) {
  if (options.unit_bytes == 0 || manifest.total_bytes / options.unit_bytes < kUnitsMax) return;
  problems.add(
      job.input.line,
      {.place = {},
       .found = fmt::format("units of {} bytes cut {} bytes into more than {} units",
                            with_separators(options.unit_bytes),
                            with_separators(manifest.total_bytes), with_separators(kUnitsMax)),
       .expected = "fewer units",
       .fix = "set unit_bytes to 64MiB"});
}

/// The format that the job names or its files show; false after a problem.
bool decide_format(Job& job, const Manifest& manifest, Problems& problems) {
  if (job.input.format != nullptr) return true;
  const std::string format = choose_format(manifest, job.input, problems);
  if (format.empty()) return false;
  const size_t before = problems.list().size();
  set_format(job, format, problems);
  return problems.list().size() == before;
}

uint64_t decoder_bytes(const Manifest& manifest, const ReadLimits& limits) {
  uint64_t bytes = 0;
  for (const ManifestFile& file : manifest.files) {
    bytes = std::max(bytes, decoder_bytes_of(file.path, limits.window_bytes_max));
  }
  return bytes;
}

/// Threads that read samples: each may meet a long record, for which its window doubles; half of
/// the memory is left for what is learned.
size_t sample_threads(const Job& job, const Manifest& manifest) {
  constexpr uint64_t kMost = 8;
  const ReadLimits& limits = job.input.limits;
  const uint64_t each =
      2 * limits.record_bytes_max + 4 * limits.chunk_bytes + decoder_bytes(manifest, limits);
  const uint64_t fitting =
      memory_of_rank(job.run.memory_bytes, 1).bytes / 2 / std::max<uint64_t>(1, each);
  const uint64_t cores = job.run.threads > 0 ? job.run.threads : usable_cores();
  return std::min({kMost, cores, std::max<uint64_t>(1, fitting)});
}

Status refusal(const Job& job, const Problems& problems) {
  return Status::usage(problems_text(job.place, problems));
}

}  // namespace

SampleFiles choose_samples(const Manifest& manifest) {
  constexpr size_t kHeaders = 10'000;
  constexpr size_t kTypes = 100;
  // One rank reads all samples while all others wait: 0.1 s of a core at most, so that short jobs
  // are short.
  constexpr uint64_t kTypeBytesOfAll = 16 << 20;
  constexpr uint64_t kTypeBytesOfOne = 1 << 20;
  std::vector<uint64_t> files = smallest_by_hash(manifest, kHeaders);
  SampleFiles samples;
  samples.types = slices_of(
      manifest,
      {files.begin(), files.begin() + static_cast<ptrdiff_t>(std::min(files.size(), kTypes))});
  samples.headers = slices_of(manifest, std::move(files));
  const uint64_t share = kTypeBytesOfAll / std::max<uint64_t>(1, samples.types.size());
  samples.type_bytes = std::min(kTypeBytesOfOne, share);
  return samples;
}

Result<Plan> make_plan(Job job, std::string_view run_dir, Problems& problems,
                       std::string_view first_manifest, const std::string& replay_path) {
  if (!problems.empty()) return refusal(job, problems);
  Plan plan;
  plan.manifest = list_inputs(job.input, run_dir, problems);
  if (replay_path.empty()) keep_first_sizes(plan.manifest, first_manifest);
  if (!problems.empty() || !decide_format(job, plan.manifest, problems)) {
    return refusal(job, problems);
  }
  SampleFiles samples = choose_samples(plan.manifest);
  samples.threads = sample_threads(job, plan.manifest);
  if (!replay_path.empty()) {
    ASSIGN_OR_RETURN(Replay replay, read_replay(replay_path, plan.manifest));
    plan.message.replay = std::make_shared<const Replay>(std::move(replay));
  }
  UnitOptions options = unit_options(job, plan.manifest);
  if (plan.message.replay != nullptr) options.can_cut = false;
  check_unit_count(options, plan.manifest, job, problems);
  Problems found;
  Result<InputSchema> schema =
      job.input.format->infer(job.input.format_options, job.input.limits, samples, found);
  read_side_files(job, found);
  add_problems(found, job.settings, problems);
  if (!problems.empty()) return refusal(job, problems);
  if (!schema.is_ok()) return schema.status();
  plan.message = {.job_text = job.text,
                  .job_place = job.place,
                  .format = job.input.format_name,
                  .decoder_bytes = decoder_bytes(plan.manifest, job.input.limits),
                  .schema = *schema,
                  .files = side_files(job),
                  .replay = std::move(plan.message.replay)};
  plan.bound = bind_job(job, std::move(*schema), problems);
  if (plan.bound == nullptr) return refusal(job, problems);
  take_replay(plan.message, *plan.bound);
  plan.bound->decoder_bytes = plan.message.decoder_bytes;
  plan.units = make_units(plan.manifest, options, is_plain_file);
  return plan;
}

}  // namespace shardmill
