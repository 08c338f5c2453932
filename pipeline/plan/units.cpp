#include "pipeline/plan/units.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "pipeline/base/check.h"
#include "pipeline/formats/byte_source.h"

namespace shardmill {

namespace {

void cut(const ManifestFile& file, uint64_t file_index, const UnitOptions& options,
         std::vector<UnitRange>& units) {
  const uint64_t pieces = (file.size_bytes - 1) / options.unit_bytes + 1;
  for (uint64_t piece = 0; piece < pieces; ++piece) {
    const bool last = piece + 1 == pieces;
    units.push_back({.first_file = file_index,
                     .file_count = 1,
                     .needs_handover = options.needs_handover && piece > 0,
                     .gives_handover = options.needs_handover && !last,
                     .begin = piece * options.unit_bytes,
                     .end = last ? kEndOfFile : (piece + 1) * options.unit_bytes});
  }
}

/// The bundle of small files from `first` on: at least one file.
UnitRange bundle(const Manifest& manifest, uint64_t first, const UnitOptions& options) {
  UnitRange unit = {.first_file = first};
  uint64_t bytes = manifest.files[first].size_bytes;
  for (uint64_t next = first + 1;
       next < manifest.files.size() && unit.file_count < options.bundle_files; ++next) {
    const uint64_t more = manifest.files[next].size_bytes;
    if (more > options.unit_bytes || bytes + more > options.unit_bytes) break;
    bytes += more;
    ++unit.file_count;
  }
  return unit;
}

uint64_t bytes_of(const Manifest& manifest, const UnitRange& unit) {
  if (unit.file_count > 1) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < unit.file_count; ++i) {
      bytes += manifest.files[unit.first_file + i].size_bytes;
    }
    return bytes;
  }
  const uint64_t size = manifest.files[unit.first_file].size_bytes;
  return std::min(unit.end, size) - std::min(unit.begin, size);
}

}  // namespace

uint64_t fitting_unit_bytes(const Manifest& manifest, uint64_t largest) {
  constexpr uint64_t kPieces = 64;
  constexpr uint64_t kSmallest = 1 << 20;
  return std::min(largest, std::max(manifest.total_bytes / kPieces, kSmallest));
}

std::vector<UnitRange> make_units(const Manifest& manifest, const UnitOptions& options,
                                  bool (*cuttable)(const ManifestFile& file)) {
  std::vector<UnitRange> units;
  uint64_t at = 0;
  while (at < manifest.files.size()) {
    const ManifestFile& file = manifest.files[at];
    const bool big = file.size_bytes > options.unit_bytes;
    if (options.unit_bytes == 0 || (big && !(options.can_cut && cuttable(file)))) {
      units.push_back({.first_file = at});
    } else if (big) {
      cut(file, at, options, units);
    } else {
      units.push_back(bundle(manifest, at, options));
      at += units.back().file_count - 1;
    }
    ++at;
  }
  return units;
}

Unit expand_unit(const Manifest& manifest, const std::vector<UnitRange>& units, uint64_t index) {
  SHARDMILL_CHECK(index < units.size());
  const UnitRange& range = units[index];
  Unit unit;
  unit.index = index;
  unit.needs_handover = range.needs_handover;
  unit.gives_handover = range.gives_handover;
  for (uint64_t i = range.first_file; i < range.first_file + range.file_count; ++i) {
    const ManifestFile& file = manifest.files[i];
    unit.slices.push_back({.file_index = i,
                           .path = file.path,
                           .size_bytes = file.size_bytes,
                           .mtime_ns = file.mtime_ns,
                           .begin = range.begin,
                           .end = range.end});
  }
  return unit;
}

// Ranges of one file are of one size except for a smaller last one, so that ordering by size, then
// by position, keeps them in the order of the file.
std::vector<uint64_t> dealing_order(const Manifest& manifest, const std::vector<UnitRange>& units) {
  std::vector<uint64_t> bytes;
  bytes.reserve(units.size());
  for (const UnitRange& unit : units) bytes.push_back(bytes_of(manifest, unit));
  std::vector<uint64_t> order(units.size());
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::sort(order.begin(), order.end(), [&](uint64_t a, uint64_t b) {
    return bytes[a] != bytes[b] ? bytes[a] > bytes[b] : a < b;
  });
  return order;
}

bool is_plain_file(const ManifestFile& file) {
  // What it is says its beginning; a range from the middle could not tell.
  if (is_named_compressed(file.path)) return false;
  const int descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  char first[6];
  const ssize_t size = ::read(descriptor, first, sizeof first);
  ::close(descriptor);
  return size > 0 && detect_compression({first, static_cast<size_t>(size)}) == Compression::kNone;
}

}  // namespace shardmill
