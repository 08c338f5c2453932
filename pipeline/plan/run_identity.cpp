#include "pipeline/plan/run_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {

namespace {

constexpr size_t kShown = 3;

/// Keys of [input] and [run] that results do not depend on.
constexpr std::array<std::string_view, 9> kWithoutEffect = {
    "input.chunk_bytes",  "run.memory",        "run.threads",
    "run.on_bad_record",  "run.max_rejects",   "run.strict",
    "run.rows_in_report", "run.stall_warning", "run.checkpoint",
};

using Lines = std::vector<std::pair<std::string, std::string>>;  ///< key and value, in job order

/// A run that stopped at a bad file has counted none: it may go on without them, and back.
bool is_without_effect(std::string_view key, const TomlNode& node) {
  if (key == "run.on_bad_file") return toml_json(node) != "\"keep_prefix\"";
  return std::find(kWithoutEffect.begin(), kWithoutEffect.end(), key) != kWithoutEffect.end();
}

void flatten(const TomlNode& node, const std::string& key, Lines& out) {
  const bool has_tables = node.kind == TomlKind::kArray && !node.items.empty() &&
                          node.items[0].kind == TomlKind::kTable;
  if (node.kind == TomlKind::kTable) {
    for (const TomlEntry& entry : node.entries) {
      flatten(entry.value, key.empty() ? entry.key : key + "." + entry.key, out);
    }
  } else if (has_tables) {
    for (size_t i = 0; i < node.items.size(); ++i) {
      flatten(node.items[i], fmt::format("{}.{}", key, i), out);
    }
  } else if (!is_without_effect(key, node)) {
    out.emplace_back(key, toml_json(node));
  }
}

Lines lines_of_job(std::string_view text) {
  Problems ignored;
  TomlNode root = parse_toml(text, "", ignored);
  std::erase_if(root.entries, [](const TomlEntry& entry) { return entry.key == "test"; });
  Lines lines;
  flatten(root, "", lines);
  return lines;
}

struct FileState {
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};

std::string_view take_until(std::string_view& rest, char end) {
  const size_t at = rest.find(end);
  const std::string_view field = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return field;
}

template <typename T>
T number_in(std::string_view text) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// By escaped path.
std::map<std::string, FileState, std::less<>> read_manifest(std::string_view text) {
  std::map<std::string, FileState, std::less<>> files;
  take_until(text, '\n');
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view path = take_until(line, '\t');
    const auto size = number_in<uint64_t>(take_until(line, '\t'));
    files[std::string(path)] = {size, number_in<int64_t>(line)};
  }
  return files;
}

void add_change(std::vector<std::string>& changes, const std::vector<std::string>& paths,
                std::string_view one, std::string_view many) {
  if (paths.empty()) return;
  std::vector<std::string> shown;
  for (const std::string& path : paths) {
    if (shown.size() < kShown) shown.push_back("\"" + path + "\"");
  }
  const std::string more =
      paths.size() > kShown ? fmt::format(", ... ({} more)", paths.size() - kShown) : "";
  changes.push_back(fmt::format("{} {} ({}{})", counted(paths.size(), "file"),
                                paths.size() == 1 ? one : many, listed(shown), more));
}

}  // namespace

uint64_t run_identity(const Plan& plan) {
  ByteWriter writer;
  writer.text(SHARDMILL_VERSION);
  for (const auto& [key, value] : lines_of_job(plan.message.job_text)) {
    writer.text(key);
    writer.text(value);
  }
  PlanMessage rest = plan.message;
  rest.job_text.clear();
  rest.job_place.clear();
  writer.text(rest.encode());
  writer.text(manifest_tsv(plan.manifest));
  return hash64(writer.bytes());
}

std::string job_change(std::string_view now, std::string_view before) {
  const Lines was = lines_of_job(before);
  const Lines is = lines_of_job(now);
  std::map<std::string, std::string, std::less<>> old(was.begin(), was.end());
  std::vector<std::string> changes;
  for (const auto& [key, value] : is) {
    const auto at = old.find(key);
    if (at == old.end()) {
      changes.push_back(fmt::format("{} = {} is new", escaped(key), escaped(value)));
    } else {
      if (at->second != value) {
        changes.push_back(
            fmt::format("{} is {}, was {}", escaped(key), escaped(value), escaped(at->second)));
      }
      old.erase(at);
    }
  }
  for (const auto& [key, value] : old) {
    changes.push_back(fmt::format("{} = {} is gone", escaped(key), escaped(value)));
  }
  return listed(changes, kShown);
}

std::string manifest_change(std::string_view now, std::string_view before) {
  const auto is = read_manifest(now);
  auto was = read_manifest(before);
  std::vector<std::string> fresh;
  std::vector<std::string> changed;
  std::vector<std::string> gone;
  for (const auto& [path, state] : is) {
    const auto at = was.find(path);
    if (at == was.end()) {
      fresh.push_back(path);
      continue;
    }
    if (!(at->second == state)) changed.push_back(path);
    was.erase(at);
  }
  for (const auto& [path, state] : was) gone.push_back(path);
  std::vector<std::string> changes;
  add_change(changes, fresh, "is new", "are new");
  add_change(changes, changed, "has changed", "have changed");
  add_change(changes, gone, "is gone", "are gone");
  return listed(changes);
}

void keep_first_sizes(Manifest& manifest, std::string_view before) {
  const auto was = read_manifest(before);
  for (ManifestFile& file : manifest.files) {
    const auto at = was.find(escaped(file.path));
    if (at == was.end() || file.size_bytes <= at->second.size_bytes) continue;
    manifest.total_bytes -= file.size_bytes - at->second.size_bytes;
    file.size_bytes = at->second.size_bytes;
    file.mtime_ns = at->second.mtime_ns;
  }
}

std::string manifest_tsv(const Manifest& manifest) {
  constexpr size_t kNumbersBytes = 32;  // of most files
  std::string out = "path\tsize_bytes\tmtime_ns\n";
  size_t bytes = out.size();
  for (const ManifestFile& file : manifest.files) bytes += file.path.size() + kNumbersBytes;
  out.reserve(bytes);
  for (const ManifestFile& file : manifest.files) {
    out += escaped(file.path);
    const fmt::format_int size(file.size_bytes);
    const fmt::format_int time(file.mtime_ns);
    out.append("\t").append(size.data(), size.size());
    out.append("\t").append(time.data(), time.size()).append("\n");
  }
  return out;
}

}  // namespace shardmill
