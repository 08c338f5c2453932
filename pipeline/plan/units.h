// Which units a manifest makes: a pure function of manifest and job, never of ranks or threads.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/core/unit.h"
#include "pipeline/plan/manifest.h"

namespace shardmill {

struct UnitOptions {
  uint64_t unit_bytes = 64ull << 20;  ///< 0: a file is never cut, and never bundled
  uint64_t bundle_files = 1024;
  bool can_cut = true;          ///< false: jobs with whole-file stages
  bool needs_handover = false;  ///< ranges of one file are confirmed in order (CSV)
};

/// A unit without paths: 32 bytes, so that millions fit in rank 0's memory.
struct UnitRange {
  uint64_t first_file = 0;
  uint32_t file_count = 1;  ///< more than 1: a bundle of whole files
  bool needs_handover = false;
  bool gives_handover = false;
  uint64_t begin = 0;
  uint64_t end = kEndOfFile;
};

/// In canonical order: by file, then by offset. `cuttable(file)` says whether a file larger than
/// unit_bytes may be cut (plain bytes); it is only called for those.
std::vector<UnitRange> make_units(const Manifest& manifest, const UnitOptions& options,
                                  bool (*cuttable)(const ManifestFile& file));

/// The size of units for a job that names none: a 64th of all bytes, so that a few hundred MB still
/// occupy many workers, between 1 MiB and `largest`.
uint64_t fitting_unit_bytes(const Manifest& manifest, uint64_t largest);

/// The full unit, ready to be dealt.
Unit expand_unit(const Manifest& manifest, const std::vector<UnitRange>& units, uint64_t index);

/// The order of dealing: largest first, but ranges of one file that need handover in file order.
std::vector<uint64_t> dealing_order(const Manifest& manifest, const std::vector<UnitRange>& units);

/// True if the file's first bytes are no compression that we know: only plain files are cut.
bool is_plain_file(const ManifestFile& file);

}  // namespace shardmill
