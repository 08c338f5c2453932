#include "pipeline/run/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/core/binary_row.h"
#include "pipeline/plan/run_identity.h"
#include "pipeline/run/protocol.h"

namespace shardmill {

namespace {

constexpr uint64_t kFilesInItem = 256;

/// "a/b" for "a//./b/": as the file system sees it.
std::string without_empty_parts(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") out += (out.empty() ? "" : "/") + std::string(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

std::string below_root(const Manifest& manifest, const std::string& path) {
  std::string_view rest = path;
  if (rest.starts_with(manifest.common_root)) rest.remove_prefix(manifest.common_root.size());
  return without_empty_parts(rest);
}

bool is_absolute(const std::string& path) {
  return !path.empty() && path[0] == '/';
}

/// As the file system sees it, with all symlinks followed; the part that is not there yet as it is.
/// Without a slash at its end, so "" for "/".
std::string real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(
      std::filesystem::absolute(path.empty() ? "." : path, error), error);
  if (error) return path;
  const std::string parts = without_empty_parts(real.native());
  return parts.empty() ? "" : "/" + parts;
}

/// '/' before every other byte: a folder comes right before what lies in it.
bool is_before(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (in_b == b.end()) return false;
  if (in_a == a.end()) return true;
  if (*in_a == '/' || *in_b == '/') return *in_a == '/';
  return static_cast<unsigned char>(*in_a) < static_cast<unsigned char>(*in_b);
}

/// An output, or an input where an output might be.
struct Name {
  std::string path;
  const FinalFile* output = nullptr;  ///< nullptr: an input

  OutputNames::Taken taken() const {
    return output == nullptr ? OutputNames::Taken{path, std::nullopt}
                             : OutputNames::Taken{output->shown, output->stage};
  }
};

/// By path; an input before an output.
bool before(const Name& a, const Name& b) {
  if (a.path == b.path) return a.output == nullptr && b.output != nullptr;
  return is_before(a.path, b.path);
}

void add_inputs_below(const Manifest& manifest, const std::map<std::string, std::string>& roots,
                      std::vector<Name>& names) {
  const std::string common = real_path(manifest.common_root);
  for (const ManifestFile& input : manifest.files) {
    std::string path = common + "/" + below_root(manifest, input.path);
    const bool may_meet = std::any_of(roots.begin(), roots.end(), [&](const auto& root) {
      return path.starts_with(root.second + "/");
    });
    if (may_meet) names.push_back({std::move(path)});
  }
}

Status clash(const OutputNames::Taken& name, std::string found, std::string expected) {
  return Status::usage(Message{.place = "output " + quoted(std::string_view(name.shown), 400),
                               .found = std::move(found),
                               .expected = std::move(expected),
                               .fix = "choose another path in its write stage"}
                           .text());
}

Status check_same(const OutputNames::Taken& first, const OutputNames::Taken& second) {
  if (!first.stage && !second.stage) return {};
  if (!first.stage || !second.stage) {
    return clash(first.stage ? first : second, "an input of this run", "a file that is not read");
  }
  const auto [low, high] = std::minmax(*first.stage, *second.stage);
  return clash(*first.stage == low ? second : first,
               fmt::format("two stages ({} and {}) that write to it", low, high),
               "a file for each");
}

/// Two paths that follow each other.
Status check_folder(std::string_view path, const OutputNames::Taken& first, std::string_view next,
                    const OutputNames::Taken& second) {
  const bool is_below =
      next.size() > path.size() && next.starts_with(path) && next[path.size()] == '/';
  if (!first.stage || !is_below) return {};
  const std::string_view below = second.stage ? std::string_view(second.shown) : next;
  return clash(first, "a file that is to be a folder too, for " + quoted(below, 400),
               "a name of its own");
}

Status check_pair(const Name& first, const Name& second) {
  if (first.path == second.path) return check_same(first.taken(), second.taken());
  return check_folder(first.path, first.taken(), second.path, second.taken());
}

/// Where the name of a file without columns or a number begins: behind the last folder of `path`
/// that is the same for all files.
size_t name_begin(std::string_view path) {
  const size_t slash = path.substr(0, path.find(kPartMark)).rfind('/');
  return slash == std::string_view::npos ? 0 : slash + 1;
}

uint64_t parts_for(uint64_t amount, uint64_t most) {
  return most == 0 ? 0 : amount / most + (amount % most > 0 ? 1 : 0);
}

constexpr uint64_t kFixedTextBytes = 128;

}  // namespace

std::string numbered_path(std::string_view path, uint64_t number) {
  const size_t mark = path.find(kPartMark);
  if (mark == std::string_view::npos) return std::string(path);
  return fmt::format("{}{:05}{}", path.substr(0, mark), number, path.substr(mark + 1));
}

bool OutputNames::FoldersFirst::operator()(const std::string& a, const std::string& b) const {
  return is_before(a, b);
}

// Whoever is in already does not clash with its neighbours, so only the new one has to be looked
// at.
Status OutputNames::add(const std::string& path, Taken taken) {
  const auto [at, is_new] = taken_.try_emplace(path, taken);
  if (!is_new) return check_same(at->second, taken);
  if (at != taken_.begin()) {
    const auto& [before_path, before] = *std::prev(at);
    RETURN_IF_ERROR(check_folder(before_path, before, path, at->second));
  }
  const auto next = std::next(at);
  return next == taken_.end() ? Status::ok()
                              : check_folder(path, at->second, next->first, next->second);
}

Result<Outputs> Outputs::plan(const Plan& plan, const std::string& run_dir,
                              const std::string& token) {
  Outputs outputs;
  outputs.token_ = token;
  outputs.job_name_ = plan.bound->job.name;
  outputs.stages_.resize(plan.bound->stages.size());
  for (size_t stage = 0; stage < plan.bound->stages.size(); ++stage) {
    if (!plan.bound->stages[stage].output) continue;
    RETURN_IF_ERROR(outputs.add_stage(plan, stage, run_dir));
  }
  RETURN_IF_ERROR(outputs.check_file_limits());
  for (const WriteStage& stage : outputs.stages_) {
    if (stage.spec != nullptr) outputs.real_roots_.try_emplace(stage.root, real_path(stage.root));
  }
  RETURN_IF_ERROR(outputs.check_names(plan.manifest, true));
  outputs.know_names(plan.manifest);
  return outputs;
}

Status Outputs::add_stage(const Plan& plan, size_t stage, const std::string& run_dir) {
  const OutputSpec& spec = *plan.bound->stages[stage].output;
  const bool absolute = is_absolute(spec.path);
  std::string folder = without_empty_parts(spec.path);
  std::string name;
  if (spec.layout == OutputLayout::kSingle) {
    const size_t begin = name_begin(folder);
    name = folder.substr(begin);
    folder.resize(begin == 0 ? 0 : begin - 1);
  }
  const std::string with_slash = folder.empty() ? "" : folder + "/";
  WriteStage& made = stages_[stage];
  made.spec = &spec;
  if (spec.packing == OutputPacking::kHdf5 && inputs_hash_.empty()) {
    inputs_hash_ = fmt::format("{:016x}", hash64(manifest_tsv(plan.manifest)));
  }
  // What a run keeps is below its folder, and `output` is no symlink either.
  const bool is_kept = !absolute && !run_dir.empty();
  made.root = absolute ? "/" + folder : is_kept ? run_dir : "/output";
  made.prefix = is_kept ? "output/" : "";
  made.folder = absolute ? "" : with_slash;
  made.shown = absolute ? "/" + with_slash : is_kept ? "" : "output/";
  made.first_final = finals_.size();
  roots_.push_back(is_kept ? run_dir + "/output" : made.root);
  if (spec.layout == OutputLayout::kSingle) {
    RETURN_IF_ERROR(add_final(stage, name));
    const std::string shard = name_of(spec.hdf5.shard_path);
    for (uint64_t i = 1; i <= spec.hdf5.shards; ++i) {
      RETURN_IF_ERROR(add_final(stage, numbered_path(shard, i)));
    }
    return {};
  }
  if (spec.layout == OutputLayout::kByColumn) return {};
  for (const ManifestFile& input : plan.manifest.files) {
    RETURN_IF_ERROR(add_final(stage, below_root(plan.manifest, input.path) + spec.extension));
  }
  return {};
}

Status Outputs::add_final(size_t stage, const std::string& name) {
  WriteStage& made = stages_[stage];
  const std::string below = made.folder + name;
  FinalFile file = {.stage = stage,
                    .place = {.root = made.root, .relative = made.prefix + below, .temporary = {}}};
  if (!is_plain_relative_path(below)) {
    return Status::usage(Message{.place = "output " + quoted(std::string_view(below)),
                                 .found = "a path that leads out of its folder",
                                 .expected = "inputs below one common folder",
                                 .fix = "write the inputs' paths without \"..\""}
                             .text());
  }
  file.shown = made.shown + file.place.relative;
  finals_.push_back(std::move(file));
  ++made.files;
  return {};
}

Status Outputs::check_file_limits() const {
  for (const WriteStage& stage : stages_) {
    if (stage.spec == nullptr || !stage.spec->has_file_limit()) continue;
    if (stage.files <= stage.spec->max_files) continue;
    return Status::usage(
        Message{.place = "output " + quoted(stage.spec->shown, 400),
                .found = "a file for each of " + counted(stage.files, "input"),
                .expected = "at most " + with_separators(stage.spec->max_files) + " (max_files)",
                .fix = "raise max_files"}
            .text());
  }
  return {};
}

// Sorted by `before`, a folder comes right before what lies in it. Before the work, paths with
// columns stand for themselves: two that are the same would meet in every file.
Status Outputs::check_names(const Manifest& manifest, bool before_work) const {
  std::vector<FinalFile> patterns;
  patterns.reserve(stages_.size());
  for (const WriteStage& stage : stages_) {
    if (!before_work || stage.spec == nullptr || stage.spec->pattern.empty()) continue;
    const std::string relative = stage.prefix + stage.folder + stage.spec->pattern;
    patterns.push_back({.stage = static_cast<size_t>(&stage - stages_.data()),
                        .place = {.root = stage.root, .relative = relative, .temporary = {}},
                        .shown = numbered_path(stage.shown + relative, 1)});
  }
  std::vector<Name> names;
  names.reserve(finals_.size() + patterns.size());
  for (const std::vector<FinalFile>* files : {&finals_, &std::as_const(patterns)}) {
    for (const FinalFile& file : *files) {
      names.push_back({real_name(file), &file});
    }
  }
  add_inputs_below(manifest, real_roots_, names);
  std::stable_sort(names.begin(), names.end(), before);
  for (size_t i = 1; i < names.size(); ++i) RETURN_IF_ERROR(check_pair(names[i - 1], names[i]));
  return {};
}

std::string Outputs::real_name(const FinalFile& file) const {
  return real_roots_.at(file.place.root) + "/" + numbered_path(file.place.relative, 1);
}

/// Only where values make names: otherwise all are known, and checked, before the work.
void Outputs::know_names(const Manifest& manifest) {
  const bool by_column = std::any_of(stages_.begin(), stages_.end(), [](const WriteStage& stage) {
    return stage.spec != nullptr && stage.spec->layout == OutputLayout::kByColumn;
  });
  if (!by_column) return;
  std::vector<Name> names;
  for (const FinalFile& file : finals_) names.push_back({real_name(file), &file});
  add_inputs_below(manifest, real_roots_, names);
  for (const Name& name : names) (void)names_.add(name.path, name.taken());  // check_names saw them
}

/// As soon as the value has come: not only when all is read.
Status Outputs::check_new_name(const FinalFile& file) {
  const Status status = names_.add(real_name(file), {file.shown, file.stage});
  return status.is_ok() ? status : Status::failed(status.message());
}

// A part holds at most `max_records` records, and at most `max_bytes` bytes or one record.
uint64_t Outputs::WriteStage::files_at_least() const {
  const uint64_t most_bytes = spec->max_bytes == 0 ? 0 : std::max(spec->max_bytes, longest_row);
  return std::max({files, parts_for(rows, spec->max_records), parts_for(bytes, most_bytes)});
}

Status Outputs::add_unit(const UnitReport& report, uint64_t unit) {
  size_t part = 0;
  for (WriteStage& stage : stages_) {
    if (stage.spec == nullptr || part >= report.parts.size()) continue;
    RETURN_IF_ERROR(add_part(stage, report, report.parts[part++], unit));
    const bool limited = stage.spec->has_file_limit();
    if (limited && stage.files_at_least() > stage.spec->max_files) {
      return too_many_files(*stage.spec);
    }
  }
  return {};
}

Status Outputs::add_part(WriteStage& stage, const UnitReport& report, const WrittenPart& part,
                         uint64_t unit) {
  stage.longest_row = std::max(stage.longest_row, part.longest_row);
  merge_totals(part.columns, stage.columns);
  PartRange range = {.unit = unit, .file = part.file, .begin = part.begin};
  for (const PartFrame& frame : part.frames) {
    ASSIGN_OR_RETURN(const uint64_t index, final_of(stage, report, part, frame.file));
    range.bytes = frame.bytes;
    range.rows = frame.rows;
    range.lengths_bytes = frame.lengths_bytes;
    finals_[index].ranges.push_back(range);
    range.begin += frame.bytes + frame.lengths_bytes;
    stage.rows += frame.rows;
    stage.bytes += frame.bytes;
  }
  return {};
}

Result<uint64_t> Outputs::final_of(WriteStage& stage, const UnitReport& report,
                                   const WrittenPart& part, uint64_t file) {
  switch (stage.spec->layout) {
    case OutputLayout::kSingle:
      return stage.first_final;
    case OutputLayout::kPerInput:
      if (file >= report.slices.size()) return damaged_message("unit report");
      file = stage.first_final + report.slices[file].file_index;
      if (file >= finals_.size()) return damaged_message("unit report");
      return file;
    case OutputLayout::kByColumn:
      if (file >= part.names.size()) return damaged_message("unit report");
      return final_by_name(stage, part.names[file]);
  }
  return damaged_message("unit report");
}

Result<uint64_t> Outputs::final_by_name(WriteStage& stage, const std::string& name) {
  const auto [entry, is_new] = stage.by_name.try_emplace(name, finals_.size());
  if (!is_new) return entry->second;
  RETURN_IF_ERROR(add_final(static_cast<size_t>(&stage - stages_.data()), name));
  RETURN_IF_ERROR(check_new_name(finals_.back()));
  return entry->second;
}

std::vector<uint64_t> Outputs::final_order() const {
  std::vector<uint64_t> order(finals_.size());
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::stable_sort(order.begin(), order.end(), [this](uint64_t a, uint64_t b) {
    const FinalFile& x = finals_[a];
    const FinalFile& y = finals_[b];
    if (x.stage != y.stage) return x.stage < y.stage;
    return stages_[x.stage].spec->layout == OutputLayout::kByColumn &&
           x.place.relative < y.place.relative;
  });
  return order;
}

Status Outputs::finish(const Manifest& manifest, const std::string& parts_dir,
                       const std::function<bool(uint64_t file)>& leave_out) {
  for (WriteStage& stage : stages_) {
    stage.files = 0;
    const bool is_hdf5 = stage.spec != nullptr && stage.spec->packing == OutputPacking::kHdf5;
    if (is_hdf5) stage.shape = std::make_shared<const Hdf5OutputShape>(shape_of(stage));
  }
  std::vector<FinalFile> kept;
  for (const uint64_t index : final_order()) {
    const WriteStage& stage = stages_[finals_[index].stage];
    if (stage.spec->hdf5.shards > 0) {
      if (index == stage.first_final) RETURN_IF_ERROR(finish_shards(stage, parts_dir, kept));
      continue;
    }
    const bool per_input = stage.spec->layout == OutputLayout::kPerInput;
    if (per_input && leave_out(index - stage.first_final)) continue;
    RETURN_IF_ERROR(finish_file(std::move(finals_[index]), parts_dir, kept));
  }
  finals_ = std::move(kept);
  for (uint64_t i = 0; i < finals_.size(); ++i) {
    finals_[i].place.temporary = fmt::format(".shardmill-{}-{}", token_, i);
  }
  const bool had_all_names =
      std::none_of(stages_.begin(), stages_.end(), [](const WriteStage& stage) {
        return stage.spec != nullptr && stage.spec->has_file_limit();
      });
  if (had_all_names) return {};
  const Status names = check_names(manifest, false);
  return names.is_ok() ? names : Status::failed(names.message());
}

Status Outputs::finish_file(FinalFile file, const std::string& parts_dir,
                            std::vector<FinalFile>& kept) {
  file.sort_ranges();
  WriteStage& stage = stages_[file.stage];
  const OutputSpec& spec = *stage.spec;
  if (!spec.is_numbered()) {
    file.set_sizes(spec.header.size());
    if (stage.shape != nullptr)
      RETURN_IF_ERROR(file.cut_into_chunks(stage.shape->columns, parts_dir));
    kept.push_back(std::move(file));
    return {};
  }
  if (stage.files >= spec.max_files) return too_many_files(spec);
  ASSIGN_OR_RETURN(std::vector<CutPart> parts,
                   cut_rows(file.ranges, spec, parts_dir, spec.max_files - stage.files));
  stage.files += parts.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    FinalFile one = {.stage = file.stage, .place = file.place};
    one.place.relative = numbered_path(file.place.relative, i + 1);
    one.shown = numbered_path(file.shown, i + 1);
    one.ranges = std::move(parts[i].ranges);
    one.set_sizes(spec.header.size());
    kept.push_back(std::move(one));
  }
  return {};
}

Status Outputs::finish_shards(const WriteStage& stage, const std::string& parts_dir,
                              std::vector<FinalFile>& kept) {
  FinalFile whole = std::move(finals_[stage.first_final]);
  whole.sort_ranges();
  whole.set_sizes(0);
  RETURN_IF_ERROR(whole.cut_into_chunks(stage.shape->columns, parts_dir));
  FinalFile shown = {
      .stage = whole.stage, .place = whole.place, .shown = whole.shown, .rows = whole.rows};
  const size_t at = kept.size();
  kept.push_back(std::move(shown));
  const uint64_t shards = stage.spec->hdf5.shards;
  for (uint64_t i = 0; i < shards; ++i) {
    FinalFile shard = std::move(finals_[stage.first_final + 1 + i]);
    whole.fill_shard(i, shards, shard);
    kept[at].shards.push_back({.file = name_of(shard.place.relative), .rows = shard.rows});
    kept.push_back(std::move(shard));
  }
  return {};
}

/// What all files of the stage have together.
Hdf5OutputShape Outputs::shape_of(const WriteStage& stage) const {
  Hdf5OutputShape shape = {
      .level = stage.spec->level, .provenance_job = job_name_, .provenance_inputs = inputs_hash_};
  std::vector<ColumnTotals> totals = stage.columns;
  const Hdf5Output& output = stage.spec->hdf5;
  totals.resize(output.columns.size());
  for (size_t i = 0; i < totals.size(); ++i) {
    const bool is_fixed =
        output.texts == Hdf5Text::kFixed ||
        (output.texts == Hdf5Text::kAuto && totals[i].longest_text <= kFixedTextBytes);
    shape.columns.push_back(
        {.name = output.columns[i].name,
         .type = output.columns[i].type,
         .text_bytes = is_fixed ? std::max<uint64_t>(1, totals[i].longest_text) : 0,
         .has_nulls = totals[i].nulls > 0});
  }
  return shape;
}

Hdf5OutputShape Outputs::shape(const FinalFile& file) const {
  Hdf5OutputShape shape = *stages_[file.stage].shape;
  shape.chunk_rows = file.chunk_rows;
  shape.shards = file.shards;
  return shape;
}

bool Outputs::takes_library_long(const FinalFile& file) const {
  const auto& shape = stages_[file.stage].shape;
  return shape != nullptr && shape->has_any_length() && file.block_count() > 1;
}

void Outputs::remove_temporaries() const {
  for (const FinalFile& file : finals_) {
    if (!file.place.temporary.empty()) remove_temporary(file.place);
  }
}

std::vector<BlockItem> Outputs::file_items() const {
  std::vector<BlockItem> items;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < finals_.size(); ++i) {
    bytes += finals_[i].plain_bytes;
    const bool joins = !items.empty() && bytes <= kBlockBytes &&
                       items.back().final_count < kFilesInItem && finals_[i].block_count() == 1 &&
                       finals_[i - 1].block_count() == 1;
    if (joins) {
      ++items.back().final_count;
    } else {
      items.push_back({.first_final = i});
      bytes = finals_[i].plain_bytes;
    }
  }
  return items;
}

std::vector<BlockItem> Outputs::block_items() const {
  std::vector<BlockItem> items;
  for (const BlockItem& bundle : file_items()) {
    const FinalFile& file = finals_[bundle.first_final];
    const uint64_t blocks = bundle.final_count > 1 ? 1 : file.block_count();
    const bool packed = spec(file).packing != OutputPacking::kPlain;
    for (uint64_t block = 0; block < blocks; ++block) {
      BlockItem item = bundle;
      item.block = block;
      item.links = {.needs = packed && block > 0, .gives = packed && block + 1 < blocks};
      items.push_back(item);
    }
  }
  return items;
}

}  // namespace shardmill
