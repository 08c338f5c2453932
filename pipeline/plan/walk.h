// Finding files: folders and patterns expanded, files measured. Reads folders and file attributes,
// never a file. No function here throws or changes anything. Lists may have many millions of files:
// each is held once, in the place where the manifest has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/glob.h"
#include "pipeline/plan/manifest.h"

namespace shardmill {

/// A file's identity on this machine.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Collects files. One thread.
class Walk {
 public:
  /// `exclude` must outlive the walk. `left_out` is a folder that is never entered (the run
  /// directory); all zero for none.
  Walk(const ExcludePatterns& exclude, FileIdentity left_out)
      : exclude_(exclude), left_out_(left_out) {}

  /// A file, or all files below a folder. False if there is nothing at `path`.
  bool add_path(const std::string& path);
  /// All files that match. A folder that the last part matches is walked, unless a `**` stands
  /// before it. False if nothing matched.
  bool add_pattern(std::string_view pattern);

  /// What was found, in no order, perhaps twice; regular files as far as the walk knows. Only their
  /// paths are set.
  std::vector<ManifestFile>& files() { return files_; }
  std::vector<ManifestNote>& notes() { return notes_; }

 private:
  /// A folder on the way from the start to where the walk is.
  struct Folder {
    const Folder* parent = nullptr;
    FileIdentity identity;
  };
  struct Pattern;

  void walk(const std::string& path, const Folder* parent);
  void match(const std::string& base, const Pattern& pattern, size_t part, const Folder* parent);
  void match_any_depth(const std::string& base, const Pattern& pattern, size_t part,
                       const Folder* parent);
  bool add_found(const std::string& path, unsigned char type);
  template <typename Visit>
  bool read_folder(const std::string& path, const Folder* parent, Folder& folder, Visit&& visit);
  void add_file(const std::string& path, unsigned char type);
  void note(const std::string& path, std::string reason);

  const ExcludePatterns& exclude_;
  FileIdentity left_out_;
  std::vector<ManifestFile> files_;
  std::vector<ManifestNote> notes_;
  bool matched_ = false;
};

/// The identity of what is at `path`, all zero if nothing is there.
FileIdentity identity_of(const std::string& path);

/// Sets size and time of all files of `manifest`, and the sum of sizes, asked for by several
/// threads. What is no regular file any more leaves the list and becomes a note.
void measure(Manifest& manifest);

/// The system's reason for an error, in lower case: "permission denied".
std::string system_reason(int error);

}  // namespace shardmill
