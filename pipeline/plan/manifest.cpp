#include "pipeline/plan/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "pipeline/base/glob.h"
#include "pipeline/base/text.h"
#include "pipeline/core/registry.h"
#include "pipeline/formats/byte_source.h"
#include "pipeline/plan/walk.h"

namespace shardmill {

namespace {

/// Missing files beyond these are only counted, so that a wrong list gives no flood.
constexpr size_t kMissingShown = 20;

class Lister {
 public:
  Lister(const JobInput& input, std::string_view run_dir, Problems& problems)
      : input_(input),
        problems_(problems),
        exclude_(input.exclude),
        walk_(exclude_, run_dir.empty() ? FileIdentity{} : identity_of(std::string(run_dir))) {}

  Manifest list() {
    for (const std::string& path : input_.paths) add_named(path);
    if (!input_.files_from.empty()) add_list(input_.files_from);
    report_missing();
    Manifest manifest;
    manifest.files = std::move(walk_.files());
    manifest.notes = std::move(walk_.notes());
    sort_files(manifest.files);
    measure(manifest);
    sort_notes(manifest);
    if (manifest.files.empty() && problems_.empty()) report_nothing(manifest);
    return manifest;
  }

 private:
  void problem(std::string found, std::string expected, std::string fix) {
    problems_.add(input_.line, {.place = {},
                                .found = std::move(found),
                                .expected = std::move(expected),
                                .fix = std::move(fix)});
  }

  /// A path or a pattern; a file whose name looks like a pattern is a file.
  void add_named(const std::string& text) {
    if (text.empty() || text.find('\0') != std::string::npos) {
      return problem("the path " + quoted(text) + " names nothing", "the name of a file or folder",
                     "remove it");
    }
    if (walk_.add_path(normal_path(text))) return;
    if (!has_glob(text)) return missing(text, errno);
    if (walk_.add_pattern(text)) return;
    problem("the pattern " + quoted(text) + " matches nothing", "at least one file",
            "patterns start from the folder where the command is given; hidden files need a dot");
  }

  void missing(const std::string& path, int error) {
    if (missing_++ >= kMissingShown) return;
    problem("there is no input " + quoted(path, 400) + ": " + system_reason(error),
            "a file or folder", "paths start from the folder where the command is given");
  }

  void report_missing() {
    if (missing_ <= kMissingShown) return;
    problem(fmt::format("{} more inputs are missing", with_separators(missing_ - kMissingShown)),
            "files and folders", {});
  }

  void add_list(const std::string& path) {
    std::string content;
    if (!read_list(path, content)) return;
    const char separator = content.find('\0') != std::string::npos ? '\0' : '\n';
    std::string_view rest = content;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(separator), rest.size());
      const std::string name(rest.substr(0, end));
      if (!name.empty() && !walk_.add_path(normal_path(name))) missing(name, errno);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  bool read_list(const std::string& path, std::string& content) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::array<char, 1 << 16> buffer;
    ssize_t size = -1;
    while (descriptor >= 0 && (size = ::read(descriptor, buffer.data(), buffer.size())) > 0) {
      content.append(buffer.data(), static_cast<size_t>(size));
    }
    const int error = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (size < 0) {
      problem("files_from " + quoted(path) + " cannot be read: " + system_reason(error),
              "a file with one path a line", {});
    }
    return size == 0;
  }

  static void sort_files(std::vector<ManifestFile>& files) {
    std::sort(files.begin(), files.end(),
              [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
    const auto same = [](const ManifestFile& a, const ManifestFile& b) { return a.path == b.path; };
    files.erase(std::unique(files.begin(), files.end(), same), files.end());
  }

  static void sort_notes(Manifest& manifest) {
    const auto key = [](const ManifestNote& note) { return std::tie(note.path, note.reason); };
    auto& notes = manifest.notes;
    std::sort(notes.begin(), notes.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
    notes.erase(std::unique(notes.begin(), notes.end(),
                            [&](const auto& a, const auto& b) { return key(a) == key(b); }),
                notes.end());
  }

  void report_nothing(const Manifest& manifest) {
    std::string found = "no input file was found";
    if (!manifest.notes.empty()) {
      const ManifestNote& first = manifest.notes[0];
      found += "; " + quoted(first.path, 400) + " " + first.reason;
    }
    problem(found, "at least one",
            "hidden files, the run directory and what exclude matches are left out");
  }

  const JobInput& input_;
  Problems& problems_;
  ExcludePatterns exclude_;
  Walk walk_;
  size_t missing_ = 0;
};

/// The folder of a path: "a/b" of "a/b/c", "/" of "/a", "" of "a".
std::string folder_above(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return std::string(path.substr(0, std::max<size_t>(slash, 1)));
}

/// The longest folder that holds both. Sorted files only need the first and the last compared.
std::string common_folder(const std::string& a, const std::string& b) {
  const auto in_or_below = [](const std::string& path, const std::string& folder) {
    return folder.empty() || path == folder ||
           (path.starts_with(folder) && (folder == "/" || path[folder.size()] == '/'));
  };
  std::string common = folder_above(a);
  while (!common.empty() && !in_or_below(folder_above(b), common)) {
    const std::string above = folder_above(common);
    if (above == common) return {};
    common = above;
  }
  return common;
}

/// "lines", "csv", ... by what a file holds; "" if it is empty or cannot be read.
std::string format_of_content(const ManifestFile& file) {
  SourceOptions options;
  options.size_bytes = file.size_bytes;
  Result<std::unique_ptr<ByteSource>> source = open_file(file.path, options);
  if (!source.is_ok()) return {};
  std::array<char, 4096> buffer;
  const Result<size_t> size = (*source)->read(buffer.data(), buffer.size());
  if (!size.is_ok() || *size == 0) return {};
  std::string_view start(buffer.data(), *size);
  if (start.starts_with("\x89HDF\r\n\x1a\n")) return find_input("hdf5") != nullptr ? "hdf5" : "";
  start = trimmed(start);
  const std::string_view line = trimmed(start.substr(0, start.find('\n')));
  const bool cut = line.size() == start.size();
  const bool object = line.starts_with("{\"") && (cut || line.ends_with('}'));
  return object && find_input("jsonl") != nullptr ? "jsonl" : "lines";
}

struct FormatVotes {
  struct Vote {
    uint64_t files = 0;
    std::string first;
  };
  std::map<std::string, Vote> by_format;

  void add(const std::string& format, const std::string& path) {
    Vote& vote = by_format[format];
    if (vote.files++ == 0) vote.first = path;
  }
};

FormatVotes count_formats(const Manifest& manifest) {
  constexpr size_t kFilesOpened = 16;
  FormatVotes votes;
  std::map<std::string, std::string> known;  // by extension
  size_t opened = 0;
  for (const ManifestFile& file : manifest.files) {
    const std::string extension = format_extension(file.path);
    const auto [at, is_new] = known.try_emplace(extension);
    if (is_new) at->second = format_of_extension(extension);
    if (!at->second.empty()) {
      votes.add(at->second, file.path);
    } else if (file.size_bytes > 0 && opened < kFilesOpened) {
      ++opened;
      const std::string format = format_of_content(file);
      if (!format.empty()) votes.add(format, file.path);
    }
  }
  return votes;
}

}  // namespace

Manifest list_inputs(const JobInput& input, std::string_view run_dir, Problems& problems) {
  Manifest manifest = Lister(input, run_dir, problems).list();
  if (!manifest.files.empty()) {
    manifest.common_root = common_folder(manifest.files.front().path, manifest.files.back().path);
  }
  return manifest;
}

std::vector<std::string> formats_of_files(const Manifest& manifest) {
  constexpr size_t kFilesOpened = 1000;
  std::map<std::string, std::string> by_extension;
  size_t opened = 0;
  std::vector<std::string> formats;
  for (const ManifestFile& file : manifest.files) {
    const std::string extension = format_extension(file.path);
    std::string& known = by_extension[extension];
    if (known.empty()) known = format_of_extension(extension);
    if (known.empty() && file.size_bytes > 0 && opened < kFilesOpened) {
      ++opened;
      known = format_of_content(file);
    }
    formats.push_back(known);
  }
  return formats;
}

std::string choose_format(const Manifest& manifest, const JobInput& input, Problems& problems) {
  const FormatVotes votes = count_formats(manifest);
  if (votes.by_format.empty()) return "lines";
  if (votes.by_format.size() == 1) return votes.by_format.begin()->first;
  std::vector<std::string> found;
  for (const auto& [format, vote] : votes.by_format) {
    found.push_back(fmt::format("{} as {} (first {})", counted(vote.files, "file"), format,
                                quoted(vote.first)));
  }
  problems.add(input.line, {.place = {},
                            .found = "the inputs look different: " + listed(found),
                            .expected = "files of one format",
                            .fix = "set format in [input], or leave files out with exclude"});
  return {};
}

}  // namespace shardmill
