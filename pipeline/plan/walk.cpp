#include "pipeline/plan/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

std::string joined(const std::string& base, const std::string& name) {
  if (base.empty() || base == ".") return name;
  return base.back() == '/' ? base + name : base + "/" + name;
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

bool is_settled(unsigned char type) {
  return type != DT_LNK && type != DT_UNKNOWN;
}

struct Measured {
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;
  unsigned char type = DT_UNKNOWN;
  int error = 0;
};

Measured measure_one(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {.error = errno};
  return {
      .size_bytes = static_cast<uint64_t>(status.st_size),
      .mtime_ns = static_cast<int64_t>(status.st_mtim.tv_sec) * 1000000000 + status.st_mtim.tv_nsec,
      .type = type_of_mode(status.st_mode)};
}

/// Waiting for a parallel file system's answers takes longer than asking, so threads help even on
/// one core.
std::vector<Measured> measure_all(const std::vector<std::string>& paths) {
  constexpr size_t kFilesPerThread = 1000;
  constexpr size_t kMostThreads = 8;
  std::vector<Measured> all(paths.size());
  const size_t threads = std::min(paths.size() / kFilesPerThread + 1, kMostThreads);
  const auto share = [&](size_t thread) {
    const size_t end = paths.size() * (thread + 1) / threads;
    for (size_t i = paths.size() * thread / threads; i < end; ++i) all[i] = measure_one(paths[i]);
  };
  std::vector<std::thread> helpers;
  for (size_t thread = 1; thread < threads; ++thread) helpers.emplace_back(share, thread);
  share(0);
  for (std::thread& helper : helpers) helper.join();
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

void measure(const std::vector<std::string>& paths, Manifest& manifest) {
  const std::vector<Measured> all = measure_all(paths);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (all[i].type == DT_REG) {
      manifest.files.push_back(
          {.path = paths[i], .size_bytes = all[i].size_bytes, .mtime_ns = all[i].mtime_ns});
      manifest.total_bytes += all[i].size_bytes;
    } else {
      manifest.notes.push_back({.path = paths[i],
                                .reason = all[i].error != 0
                                              ? "cannot be found: " + system_reason(all[i].error)
                                              : special_reason(all[i].type)});
    }
  }
}

void Walk::note(const std::string& path, std::string reason) {
  notes_.push_back({.path = path.empty() ? "." : path, .reason = std::move(reason)});
}

void Walk::add_file(const std::string& path, unsigned char type) {
  matched_ = true;
  if (exclude_.matches(path)) return;
  if (type == DT_REG) {
    paths_.push_back(path);
  } else {
    note(path, special_reason(type));
  }
}

bool Walk::add_path(const std::string& path) {
  const unsigned char type = resolved_type(path);
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

/// False if the folder is not to be entered: it cannot be read (noted), is left out, or is one that
/// the walk came through (noted).
bool Walk::read_folder(const std::string& path, const Folder* parent, Folder& folder,
                       std::vector<Name>& names) {
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
    if (name != "." && name != "..") names.push_back({std::string(name), entry->d_type});
    errno = 0;
  }
  if (errno != 0) note(path, "the folder cannot be read to its end: " + system_reason(errno));
  ::closedir(stream);
  return true;
}

void Walk::walk(const std::string& path, const Folder* parent) {
  Folder folder;
  std::vector<Name> names;
  if (!read_folder(path, parent, folder, names)) return;
  matched_ = true;
  for (const Name& entry : names) {
    if (entry.name.starts_with('.')) continue;
    const std::string below = joined(path, entry.name);
    const unsigned char type = is_settled(entry.type) ? entry.type : resolved_type(below);
    if (type == DT_UNKNOWN) {
      if (!exclude_.matches(below)) note(below, "cannot be followed: " + system_reason(errno));
    } else if (type != DT_DIR) {
      add_file(below, type);
    } else if (!exclude_.matches(below)) {
      walk(below, &folder);
    }
  }
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
  std::vector<Name> names;
  if (!read_folder(base, nullptr, folder, names)) return;
  for (const Name& entry : names) {
    if (!glob_matches_name(wanted, entry.name, true)) continue;
    const std::string below = joined(base, entry.name);
    if (last) {
      matched_ = add_path(below) || matched_;
      continue;
    }
    const unsigned char type = is_settled(entry.type) ? entry.type : resolved_type(below);
    if (type == DT_DIR && !exclude_.matches(below)) match(below, pattern, part + 1, parent);
  }
}

/// `**` and what follows it, in `base` and in every folder below.
void Walk::match_any_depth(const std::string& base, const Pattern& pattern, size_t part,
                           const Folder* parent) {
  const size_t left = pattern.parts.size() - part - 1;
  if (left == 0) return walk(base, parent);
  if (left > 1) match(base, pattern, part + 1, nullptr);
  Folder folder;
  std::vector<Name> names;
  if (!read_folder(base, parent, folder, names)) return;
  for (const Name& entry : names) {
    const std::string below = joined(base, entry.name);
    const unsigned char type = is_settled(entry.type) ? entry.type : resolved_type(below);
    const bool hidden = entry.name.starts_with('.');
    if (type == DT_DIR) {
      if (!hidden && !exclude_.matches(below)) match_any_depth(below, pattern, part, &folder);
    } else if (left == 1 && type != DT_UNKNOWN &&
               glob_matches_name(pattern.parts[part + 1], entry.name, true)) {
      add_file(below, type);
    }
  }
}

}  // namespace shardmill
