#include "pipeline/run/attempt.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "pipeline/base/message.h"
#include "pipeline/run/durable.h"
#include "pipeline/run/unit_report.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

/// Sizes of part files, each asked for once.
class PartSizes {
 public:
  explicit PartSizes(const std::string& parts_dir) : parts_dir_(parts_dir) {}

  bool holds(const WrittenPart& part) {
    const auto [at, is_new] = sizes_.try_emplace(part.file.number(), 0);
    if (is_new) {
      struct stat info = {};
      const bool is_there = ::lstat(part.file.path(parts_dir_).c_str(), &info) == 0;
      if (is_there && S_ISREG(info.st_mode)) at->second = static_cast<uint64_t>(info.st_size);
    }
    const uint64_t bytes = part.bytes();
    return bytes == 0 || (part.begin <= at->second && bytes <= at->second - part.begin);
  }

 private:
  const std::string& parts_dir_;
  std::map<uint64_t, uint64_t> sizes_;
};

/// Collects what valid files cover.
class Gathering {
 public:
  explicit Gathering(const AttemptSetup& setup) : setup_(setup), parts_(setup.parts_dir) {}

  /// A file that an index names.
  void add(const FrozenFile& file) {
    const std::string folder = checkpoint_folder(setup_.run_dir);
    if (::access((folder + "/" + file.name).c_str(), F_OK) != 0) {
      return note(file, "it is missing, expected what its index says");
    }
    Result<CheckpointFile> opened = open_frozen(folder, file);
    if (!opened.is_ok()) return note(file, "it is damaged, expected what its index says");
    Result<CheckpointHead> units = read_head(*opened, setup_.identity, file.name);
    if (!units.is_ok()) return note(file, units.status().message());
    add(file, std::move(*units));
  }

  void add(const FrozenFile& file, CheckpointHead units) {
    if (const std::string reason = objection(units); !reason.empty()) return note(file, reason);
    attempt.frozen.push_back(file);
    for (CoveredUnit& unit : units) {
      units_.insert(unit.unit);
      attempt.covered.push_back(std::move(unit));
    }
  }

  Attempt attempt;

 private:
  void note(const FrozenFile& file, const std::string& reason) {
    attempt.damaged.push_back(
        fmt::format("checkpoint/{}: {}; its units are done again", escaped(file.name), reason));
  }

  /// Why what a file covers does not count; empty if it does.
  std::string objection(const CheckpointHead& units) {
    for (const CoveredUnit& unit : units) {
      if (unit.unit >= setup_.units) return "it covers a unit that the plan does not have";
      if (units_.contains(unit.unit)) return "it covers a unit of another checkpoint";
      const Result<UnitReport> report = UnitReport::decode(unit.report);
      if (!report.is_ok()) return report.status().message();
      for (const WrittenPart& part : report->parts) {
        if (!parts_.holds(part)) return "a part of the output that it covers is missing";
      }
    }
    return {};
  }

  const AttemptSetup& setup_;
  PartSizes parts_;
  std::set<uint64_t> units_;
};

Attempt gather(const AttemptSetup& setup, const CheckpointIndex& index) {
  const std::string folder = checkpoint_folder(setup.run_dir);
  Gathering gathering(setup);
  gathering.attempt.damaged = damaged_indexes(folder);
  for (const FrozenFile& file : index.files) gathering.add(file);
  files_since(
      folder, index, gathering.attempt.damaged,
      [&](const FrozenFile& file, CheckpointHead units) { gathering.add(file, std::move(units)); });
  Attempt attempt = std::move(gathering.attempt);
  std::sort(attempt.covered.begin(), attempt.covered.end(),
            [](const CoveredUnit& a, const CoveredUnit& b) { return a.unit < b.unit; });
  return attempt;
}

std::string index_name(uint32_t generation) {
  return fmt::format("index-{}", generation);
}

/// Takes away what neither the index nor the one before it needs.
void clean(const std::string& folder, const CheckpointIndex& index,
           const std::optional<CheckpointIndex>& before) {
  std::set<std::string> keep = {index_name(index.generation)};
  if (before) keep.insert(index_name(before->generation));
  for (const FrozenFile& file : index.files) keep.insert(file.name);
  std::vector<fs::path> rest;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename();
    const bool is_ours = file.starts_with("gen-") || file.starts_with("index-") ||
                         file.starts_with(".gen-") || file.starts_with(".index-") ||
                         file.starts_with("last-");
    if (is_ours && !keep.contains(file)) rest.push_back(at->path());
  }
  for (const fs::path& path : rest) fs::remove(path, error);
}

}  // namespace

std::string checkpoint_folder(const std::string& run_dir) {
  return run_dir + "/checkpoint";
}

bool can_resume(const std::string& run_dir) {
  const std::string folder = checkpoint_folder(run_dir);
  const std::optional<CheckpointIndex> index = newest_index(folder);
  if (!index) return false;
  if (!index->files.empty()) return true;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with("gen-")) return true;
  }
  return false;
}

bool has_lost_index(const std::string& run_dir) {
  const std::string folder = checkpoint_folder(run_dir);
  if (newest_index(folder)) return false;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with("gen-")) return true;
  }
  return false;
}

Result<Attempt> begin_attempt(const AttemptSetup& setup) {
  const std::string folder = checkpoint_folder(setup.run_dir);
  std::optional<CheckpointIndex> before = newest_index(folder);
  if (before && before->identity != setup.identity) before.reset();
  Attempt attempt;
  CheckpointIndex index = {.identity = setup.identity, .token = setup.token};
  if (before) {
    attempt = gather(setup, *before);
    index.generation = last_generation(folder) + 1;
    index.token = before->token;
    index.files = attempt.frozen;
  }
  attempt.checkpoints = {.folder = folder,
                         .identity = setup.identity,
                         .generation = index.generation,
                         .lock = setup.lock,
                         .interval_seconds = setup.interval_seconds};
  RETURN_IF_ERROR(write_durably(folder, index_name(index.generation), index.text(), setup.lock));
  clean(folder, index, before);
  return attempt;
}

Result<Attempt> covered_so_far(const AttemptSetup& setup) {
  const std::optional<CheckpointIndex> index = newest_index(checkpoint_folder(setup.run_dir));
  if (!index || index->identity != setup.identity) {
    return Status::failed(escaped(setup.run_dir) + ": no checkpoint of this run");
  }
  return gather(setup, *index);
}

}  // namespace shardmill
