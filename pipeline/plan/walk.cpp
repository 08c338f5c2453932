#include "pipeline/plan/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

std::string joined(const std::string& base, std::string_view name) {
  if (base.empty() || base == ".") return std::string(name);
  std::string path;
  path.reserve(base.size() + 1 + name.size());
  path += base;
  if (path.back() != '/') path += '/';
  path += name;
  return path;
}

/// An empty base is the folder where the command is given.
const char* open_name(const std::string& path) {
  return path.empty() ? "." : path.c_str();
}

FileIdentity identity(const struct stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

unsigned char type_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return DT_REG;
  if (S_ISDIR(mode)) return DT_DIR;
  if (S_ISFIFO(mode)) return DT_FIFO;
  if (S_ISSOCK(mode)) return DT_SOCK;
  return S_ISBLK(mode) ? DT_BLK : DT_CHR;
}

std::string special_reason(unsigned char type) {
  const char* what = type == DT_FIFO ? "a FIFO" : type == DT_SOCK ? "a socket" : "a device";
  return std::string("is ") + what + ", expected a file; it is never opened";
}

/// The type of what a link leads to, or of an entry whose type the file system does not tell.
/// DT_UNKNOWN and errno if there is nothing.
unsigned char resolved_type(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return DT_UNKNOWN;
  return type_of_mode(status.st_mode);
}

/// The same for an entry of a folder whose d_type is known.
unsigned char resolved_type(const std::string& path, unsigned char type) {
  return type != DT_LNK && type != DT_UNKNOWN ? type : resolved_type(path);
}

/// A file that turned out to be none.
struct NoFile {
  size_t index = 0;
  std::string reason;
};

/// Nothing if it is a regular file.
std::optional<std::string> measure_one(ManifestFile& file) {
  struct stat status {};
  if (::stat(file.path.c_str(), &status) != 0) return "cannot be found: " + system_reason(errno);
  const unsigned char type = type_of_mode(status.st_mode);
  if (type != DT_REG) return special_reason(type);
  file.size_bytes = static_cast<uint64_t>(status.st_size);
  file.mtime_ns = static_cast<int64_t>(status.st_mtim.tv_sec) * 1000000000 + status.st_mtim.tv_nsec;
  return std::nullopt;
}

/// Waiting for a parallel file system's answers takes longer than asking, so threads help even on
/// one core. What is no file comes back in the order of the list.
std::vector<NoFile> measure_all(std::vector<ManifestFile>& files) {
  constexpr size_t kFilesPerThread = 1000;
  constexpr size_t kMostThreads = 8;
  const size_t threads = std::min(files.size() / kFilesPerThread + 1, kMostThreads);
  std::vector<std::vector<NoFile>> found(threads);
  const auto share = [&](size_t thread) {
    const size_t end = files.size() * (thread + 1) / threads;
    for (size_t i = files.size() * thread / threads; i < end; ++i) {
      std::optional<std::string> reason = measure_one(files[i]);
      if (reason) found[thread].push_back({.index = i, .reason = std::move(*reason)});
    }
  };
  std::vector<std::thread> helpers;
  for (size_t thread = 1; thread < threads; ++thread) helpers.emplace_back(share, thread);
  share(0);
  for (std::thread& helper : helpers) helper.join();
  std::vector<NoFile> all;
  for (std::vector<NoFile>& some : found)
    std::move(some.begin(), some.end(), std::back_inserter(all));
  return all;
}

}  // namespace

struct Walk::Pattern {
  std::vector<std::string> parts;
};

std::string system_reason(int error) {
  std::string reason = std::generic_category().message(error);
  if (!reason.empty()) reason[0] = ascii_lower(reason)[0];
  return reason;
}

FileIdentity identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return identity(status);
}

void measure(Manifest& manifest) {
  std::vector<ManifestFile>& files = manifest.files;
  for (NoFile& none : measure_all(files)) {
    manifest.notes.push_back(
        {.path = std::move(files[none.index].path), .reason = std::move(none.reason)});
    files[none.index].path.clear();  // no file is without a path
  }
  std::erase_if(files, [](const ManifestFile& file) { return file.path.empty(); });
  for (const ManifestFile& file : files) manifest.total_bytes += file.size_bytes;
}

void Walk::note(const std::string& path, std::string reason) {
  notes_.push_back({.path = path.empty() ? "." : path, .reason = std::move(reason)});
}

void Walk::add_file(const std::string& path, unsigned char type) {
  matched_ = true;
  if (exclude_.matches(path)) return;
  if (type == DT_REG) {
    files_.push_back({.path = path});
  } else {
    note(path, special_reason(type));
  }
}

bool Walk::add_path(const std::string& path) {
  return add_found(path, resolved_type(path));
}

/// `type` as resolved_type says it.
bool Walk::add_found(const std::string& path, unsigned char type) {
  if (type == DT_UNKNOWN) return false;
  if (type == DT_DIR) {
    if (!exclude_.matches(path)) walk(path, nullptr);
  } else {
    add_file(path, type);
  }
  return true;
}

bool Walk::add_pattern(std::string_view text) {
  const std::string normal = normal_path(text);
  Pattern pattern = {.parts = path_parts(normal)};
  const auto both_any = [](const std::string& a, const std::string& b) {
    return a == "**" && b == "**";
  };
  pattern.parts.erase(std::unique(pattern.parts.begin(), pattern.parts.end(), both_any),
                      pattern.parts.end());
  matched_ = false;
  match(normal.starts_with('/') ? "/" : "", pattern, 0, nullptr);
  return matched_;
}

/// Calls `visit(name, d_type)` for each entry. Files are to be added at once, as there may be
/// millions; folders are to be entered afterwards, so that few are open at a time.
/// False if the folder is not to be entered: it cannot be read (noted), is left out, or is one that
/// the walk came through (noted).
template <typename Visit>
bool Walk::read_folder(const std::string& path, const Folder* parent, Folder& folder,
                       Visit&& visit) {
  const int descriptor = ::open(open_name(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    note(path, "the folder cannot be read: " + system_reason(errno));
    if (descriptor >= 0) ::close(descriptor);
    return false;
  }
  folder = {.parent = parent, .identity = identity(status)};
  bool enter = folder.identity != left_out_;
  for (const Folder* above = parent; above != nullptr; above = above->parent) {
    if (above->identity != folder.identity) continue;
    note(path, "is a symbolic link to a folder above it");
    enter = false;
  }
  DIR* stream = enter ? ::fdopendir(descriptor) : nullptr;
  if (stream == nullptr) {
    ::close(descriptor);
    return false;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") visit(name, entry->d_type);
    errno = 0;
  }
  if (errno != 0) note(path, "the folder cannot be read to its end: " + system_reason(errno));
  ::closedir(stream);
  return true;
}

void Walk::walk(const std::string& path, const Folder* parent) {
  Folder folder;
  std::vector<std::string> folders;
  const auto visit = [&](std::string_view name, unsigned char d_type) {
    if (name.starts_with('.')) return;
    std::string below = joined(path, name);
    const unsigned char type = resolved_type(below, d_type);
    if (type == DT_UNKNOWN) {
      if (!exclude_.matches(below)) note(below, "cannot be followed: " + system_reason(errno));
    } else if (type != DT_DIR) {
      add_file(below, type);
    } else if (!exclude_.matches(below)) {
      folders.push_back(std::move(below));
    }
  };
  if (!read_folder(path, parent, folder, visit)) return;
  matched_ = true;
  for (const std::string& below : folders) walk(below, &folder);
}

/// `base` with the parts of the pattern from `part` on below it.
void Walk::match(const std::string& base, const Pattern& pattern, size_t part,
                 const Folder* parent) {
  const std::string& wanted = pattern.parts[part];
  const bool last = part + 1 == pattern.parts.size();
  if (wanted == "**") return match_any_depth(base, pattern, part, parent);
  if (!has_glob(wanted)) {
    const std::string below = joined(base, wanted);
    if (last) {
      matched_ = add_path(below) || matched_;
    } else if (resolved_type(below) == DT_DIR && !exclude_.matches(below)) {
      match(below, pattern, part + 1, parent);
    }
    return;
  }
  Folder folder;
  std::vector<std::string> folders;
  const auto visit = [&](std::string_view name, unsigned char d_type) {
    if (!glob_matches_name(wanted, name, true)) return;
    std::string below = joined(base, name);
    const unsigned char type = resolved_type(below, d_type);
    if (type == DT_DIR) {
      folders.push_back(std::move(below));
    } else if (last) {
      matched_ = add_found(below, type) || matched_;
    }
  };
  if (!read_folder(base, nullptr, folder, visit)) return;
  for (const std::string& below : folders) {
    if (last) {
      matched_ = add_found(below, DT_DIR) || matched_;
    } else if (!exclude_.matches(below)) {
      match(below, pattern, part + 1, parent);
    }
  }
}

/// `**` and what follows it, in `base` and in every folder below.
void Walk::match_any_depth(const std::string& base, const Pattern& pattern, size_t part,
                           const Folder* parent) {
  const size_t left = pattern.parts.size() - part - 1;
  if (left == 0) return walk(base, parent);
  if (left > 1) match(base, pattern, part + 1, nullptr);
  Folder folder;
  std::vector<std::string> folders;
  const auto visit = [&](std::string_view name, unsigned char d_type) {
    const bool hidden = name.starts_with('.');
    const bool may_match = left == 1 && glob_matches_name(pattern.parts[part + 1], name, true);
    if (hidden && !may_match) return;
    std::string below = joined(base, name);
    const unsigned char type = resolved_type(below, d_type);
    if (type == DT_DIR) {
      if (!hidden && !exclude_.matches(below)) folders.push_back(std::move(below));
    } else if (may_match && type != DT_UNKNOWN) {
      add_file(below, type);
    }
  };
  if (!read_folder(base, parent, folder, visit)) return;
  for (const std::string& below : folders) match_any_depth(below, pattern, part, &folder);
}

}  // namespace shardmill
