// The inputs of a run, sorted by path bytes, with size and mtime. Only rank 0 has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/unit.h"
#include "pipeline/plan/job.h"

namespace shardmill {

struct ManifestFile {
  std::string
      path;  ///< as the user wrote it, or found below what the user wrote; any bytes but NUL
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;
};

/// Something that was named or found but is not an input: unreadable folder, FIFO, missing file,
/// symlink loop.
struct ManifestNote {
  std::string path;
  std::string reason;
};

struct Manifest {
  std::vector<ManifestFile> files;  ///< sorted by path bytes, each once
  std::vector<ManifestNote> notes;  ///< bad files that are known before the start
  std::string common_root;  ///< longest common folder of all paths, for layout = "per_input"
  uint64_t total_bytes = 0;
};

/// Walks folders (all files below, hidden ones and the run directory left out), expands `*`, `?`,
/// `[..]` and `**`, reads files_from, applies `exclude`. Symlinks to files are followed, links to
/// folders too unless they loop. A pattern that matches nothing and a file that is not there are
/// errors in `problems`; FIFOs and devices are noted, never opened.
Manifest list_inputs(const JobInput& input, std::string_view run_dir, Problems& problems);

/// The name of the format (see format_names) for these files where the job names none: by extension
/// (below .gz, .zst, .bz2, .xz, .lz4), else by the content of the first files. Mixed formats are a
/// problem and give "".
std::string choose_format(const Manifest& manifest, const JobInput& input, Problems& problems);

/// The format of each file, as choose_format sees files that all look alike: "" where nothing is
/// known of it (empty, or of no format that this program reads).
std::vector<std::string> formats_of_files(const Manifest& manifest);

}  // namespace shardmill
