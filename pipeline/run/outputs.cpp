#include "pipeline/run/outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "pipeline/base/message.h"

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

/// An output, or an input where an output might be.
struct Name {
  std::string path;
  const FinalFile* output = nullptr;  ///< nullptr: an input
};

/// By path, '/' before every other byte; an input before an output.
bool before(const Name& a, const Name& b) {
  const auto [in_a, in_b] =
      std::mismatch(a.path.begin(), a.path.end(), b.path.begin(), b.path.end());
  if (in_b == b.path.end()) return in_a == a.path.end() && a.output == nullptr && b.output;
  if (in_a == a.path.end()) return true;
  if (*in_a == '/' || *in_b == '/') return *in_a == '/';
  return static_cast<unsigned char>(*in_a) < static_cast<unsigned char>(*in_b);
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

Status clash(const Name& name, std::string found, std::string expected) {
  return Status::usage(
      Message{.place = "output " + quoted(std::string_view(name.output->shown), 400),
              .found = std::move(found),
              .expected = std::move(expected),
              .fix = "choose another path in its write stage"}
          .text());
}

/// Two names that follow each other.
Status check_pair(const Name& first, const Name& second) {
  if (first.path == second.path) {
    return first.output == nullptr
               ? clash(second, "an input of this run", "a file that is not read")
               : clash(second, "two stages that write to it", "a file for each");
  }
  if (first.output == nullptr || !second.path.starts_with(first.path + "/")) return {};
  const std::string_view below = second.output == nullptr ? second.path : second.output->shown;
  return clash(first, "a file that is to be a folder too, for " + quoted(below, 400),
               "a name of its own");
}

uint64_t block_count(uint64_t plain_bytes) {
  return std::max<uint64_t>(1, (plain_bytes + kBlockBytes - 1) / kBlockBytes);
}

}  // namespace

Result<Outputs> Outputs::plan(const Plan& plan, const std::string& run_dir,
                              const std::string& token) {
  Outputs outputs;
  outputs.stages_.resize(plan.bound->stages.size());
  for (size_t stage = 0; stage < plan.bound->stages.size(); ++stage) {
    if (!plan.bound->stages[stage].output) continue;
    RETURN_IF_ERROR(outputs.add_stage(plan, stage, run_dir, token));
  }
  RETURN_IF_ERROR(outputs.check_names(plan.manifest));
  return outputs;
}

Status Outputs::add_stage(const Plan& plan, size_t stage, const std::string& run_dir,
                          const std::string& token) {
  const OutputSpec& spec = *plan.bound->stages[stage].output;
  stages_[stage] = {.spec = &spec, .first_final = finals_.size()};
  const bool absolute = is_absolute(spec.path);
  const std::string path = without_empty_parts(spec.path);
  FinalFile file = {.stage = stage};
  if (spec.layout == OutputLayout::kSingle) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    file.place.root = absolute ? "/" + folder : run_dir + "/output";
    file.place.relative = absolute ? path.substr(slash + 1) : path;
    file.shown = absolute ? "/" + path : "output/" + path;
    roots_.push_back(file.place.root);
    return add_final(std::move(file), token);
  }
  file.place.root = absolute ? "/" + path : run_dir + "/output";
  roots_.push_back(file.place.root);
  for (const ManifestFile& input : plan.manifest.files) {
    const std::string mirrored = below_root(plan.manifest, input.path) + spec.extension;
    FinalFile one = file;
    one.place.relative = absolute || path.empty() ? mirrored : path + "/" + mirrored;
    one.shown = (absolute ? "/" + path : "output") + "/" + one.place.relative;
    RETURN_IF_ERROR(add_final(std::move(one), token));
  }
  return {};
}

Status Outputs::add_final(FinalFile file, const std::string& token) {
  if (!is_plain_relative_path(file.place.relative)) {
    return Status::usage(Message{.place = "output " + quoted(std::string_view(file.place.relative)),
                                 .found = "a path that leads out of its folder",
                                 .expected = "inputs below one common folder",
                                 .fix = "write the inputs' paths without \"..\""}
                             .text());
  }
  file.place.temporary = fmt::format(".shardmill-{}-{}", token, finals_.size());
  finals_.push_back(std::move(file));
  return {};
}

// Sorted by `before`, a folder comes right before what lies in it.
Status Outputs::check_names(const Manifest& manifest) const {
  std::map<std::string, std::string> real_roots;
  for (const FinalFile& file : finals_) real_roots.try_emplace(file.place.root);
  for (auto& [root, real] : real_roots) real = real_path(root);
  std::vector<Name> names;
  names.reserve(finals_.size());
  for (const FinalFile& file : finals_) {
    names.push_back({real_roots[file.place.root] + "/" + file.place.relative, &file});
  }
  add_inputs_below(manifest, real_roots, names);
  std::stable_sort(names.begin(), names.end(), before);
  for (size_t i = 1; i < names.size(); ++i) RETURN_IF_ERROR(check_pair(names[i - 1], names[i]));
  return {};
}

void Outputs::add_unit(const UnitReport& report, uint64_t unit) {
  size_t part = 0;
  for (const WriteStage& stage : stages_) {
    if (stage.spec == nullptr || part >= report.parts.size()) continue;
    const WrittenPart& written = report.parts[part++];
    const std::vector<PartSection>& sections = written.sections;
    const bool single = stage.spec->layout == OutputLayout::kSingle;
    uint64_t begin = written.begin;
    for (size_t slice = 0; slice < sections.size(); ++slice) {
      const uint64_t index = stage.first_final + (single ? 0 : report.slices[slice].file_index);
      if (index >= finals_.size()) continue;
      FinalFile& file = finals_[index];
      const PartSection& section = sections[slice];
      file.rows += section.rows;
      if (section.bytes == 0) continue;
      const bool goes_on = !file.ranges.empty() && file.ranges.back().unit == unit;
      if (goes_on) {
        file.ranges.back().bytes += section.bytes;
      } else {
        file.ranges.push_back(
            {.unit = unit, .file = written.file, .begin = begin, .bytes = section.bytes});
      }
      begin += section.bytes;
    }
  }
}

void Outputs::finish(const std::function<bool(uint64_t file)>& leave_out) {
  std::vector<FinalFile> kept;
  for (uint64_t i = 0; i < finals_.size(); ++i) {
    FinalFile& file = finals_[i];
    const WriteStage& stage = stages_[file.stage];
    const bool single = stage.spec->layout == OutputLayout::kSingle;
    if (!single && leave_out(i - stage.first_final)) continue;
    std::sort(file.ranges.begin(), file.ranges.end(),
              [](const PartRange& a, const PartRange& b) { return a.unit < b.unit; });
    file.plain_bytes = stage.spec->header.size();
    for (const PartRange& range : file.ranges) {
      file.starts.push_back(file.plain_bytes);
      file.plain_bytes += range.bytes;
    }
    kept.push_back(std::move(file));
  }
  finals_ = std::move(kept);
}

void Outputs::remove_temporaries() const {
  for (const FinalFile& file : finals_) {
    const std::string path = file.place.text();
    ::unlink((path.substr(0, path.rfind('/') + 1) + file.place.temporary).c_str());
  }
}

std::vector<BlockItem> Outputs::file_items() const {
  std::vector<BlockItem> items;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < finals_.size(); ++i) {
    bytes += finals_[i].plain_bytes;
    const bool joins =
        !items.empty() && bytes <= kBlockBytes && items.back().final_count < kFilesInItem;
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
    const uint64_t blocks = bundle.final_count > 1 ? 1 : block_count(file.plain_bytes);
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

BlockWork block_work(const Outputs& outputs, uint64_t final_index, uint64_t block) {
  const FinalFile& file = outputs.finals()[final_index];
  const OutputSpec& spec = outputs.spec(file);
  const uint64_t begin = block * kBlockBytes;
  const uint64_t end = std::min(begin + kBlockBytes, file.plain_bytes);
  BlockWork work = {.final_index = final_index,
                    .place = file.place,
                    .packing = spec.packing,
                    .level = spec.level,
                    .plain_offset = begin};
  if (begin < spec.header.size()) work.head = spec.header.substr(begin, end - begin);
  const auto after = std::upper_bound(file.starts.begin(), file.starts.end(), begin);
  auto at = static_cast<size_t>(after - file.starts.begin());
  for (at = at == 0 ? 0 : at - 1; at < file.ranges.size() && file.starts[at] < end; ++at) {
    const PartRange& range = file.ranges[at];
    const uint64_t from = std::max(begin, file.starts[at]);
    const uint64_t to = std::min(end, file.starts[at] + range.bytes);
    if (from >= to) continue;
    work.ranges.push_back({.unit = range.unit,
                           .file = range.file,
                           .begin = range.begin + (from - file.starts[at]),
                           .bytes = to - from});
  }
  return work;
}

void BlockWork::encode(ByteWriter& writer) const {
  writer.varint(final_index);
  for (const std::string* text : {&place.root, &place.relative, &place.temporary, &head}) {
    writer.text(*text);
  }
  writer.u8(static_cast<uint8_t>(packing));
  writer.varint(static_cast<uint64_t>(level));
  writer.varint(plain_offset);
  writer.varint(ranges.size());
  for (const PartRange& range : ranges) {
    writer.u64(range.file.number());
    writer.varint(range.begin);
    writer.varint(range.bytes);
  }
}

BlockWork BlockWork::decode(ByteReader& reader) {
  BlockWork work;
  work.final_index = reader.varint();
  for (std::string* text :
       {&work.place.root, &work.place.relative, &work.place.temporary, &work.head}) {
    *text = reader.text();
  }
  work.packing = static_cast<OutputPacking>(reader.u8());
  work.level = static_cast<int>(reader.varint());
  work.plain_offset = reader.varint();
  const uint64_t ranges = reader.varint();
  if (!reader.count_fits(ranges, 10)) return work;
  for (uint64_t i = 0; i < ranges; ++i) {
    PartRange& range = work.ranges.emplace_back();
    range.file = PartFileId(reader.u64());
    range.begin = reader.varint();
    range.bytes = reader.varint();
  }
  return work;
}

}  // namespace shardmill
