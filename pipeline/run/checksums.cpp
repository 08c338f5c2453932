#include "pipeline/run/checksums.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "pipeline/base/message.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

constexpr std::string_view kKind = "XXH3_";
constexpr size_t kDigits = 16;
constexpr size_t kNameAt = kKind.size() + kDigits + 2;
constexpr uint64_t kListBytesMax = uint64_t{16} << 30;

std::string line_text(const Checksum& checksum) {
  return fmt::format("{}{:016x}  {}\n", kKind, checksum.value, escaped(checksum.name));
}

bool parse_hex(std::string_view digits, uint64_t& value) {
  const bool lower =
      std::none_of(digits.begin(), digits.end(), [](char c) { return c >= 'A' && c <= 'F'; });
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return lower && parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
}

bool is_allowed_name(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return false;
  return name.starts_with('/') || is_plain_relative_path(name);
}

bool parse_line(std::string_view line, Checksum& checksum) {
  if (line.size() <= kNameAt || !line.starts_with(kKind)) return false;
  if (line.substr(kNameAt - 2, 2) != "  ") return false;
  if (!parse_hex(line.substr(kKind.size(), kDigits), checksum.value)) return false;
  return unescape(line.substr(kNameAt), checksum.name) && is_allowed_name(checksum.name);
}

Status bad_list(std::string found, std::string expected) {
  return Status::failed(Message{.place = std::string(kChecksumsName),
                                .found = std::move(found),
                                .expected = std::move(expected),
                                .fix = "the run did not end here, or the file was changed since"}
                            .text());
}

bool ends_as_it_must(const std::vector<Checksum>& list) {
  return list.size() >= kCheckedNames.size() &&
         std::equal(kCheckedNames.begin(), kCheckedNames.end(),
                    list.end() - static_cast<std::ptrdiff_t>(kCheckedNames.size()),
                    [](std::string_view name, const Checksum& line) { return line.name == name; });
}

bool is_regular_file(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

std::string checksums_text(const std::vector<Checksum>& outputs, const std::vector<Checksum>& own) {
  std::string text;
  for (const Checksum& output : outputs) text += line_text(output);
  for (const Checksum& file : own) text += line_text(file);
  return text;
}

Result<std::vector<Checksum>> parse_checksums(std::string_view text) {
  std::vector<Checksum> list;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Checksum checksum;
    if (end == std::string_view::npos || !parse_line(text.substr(0, end), checksum)) {
      return bad_list(fmt::format("line {} is {}", list.size() + 1,
                                  quoted(text.substr(0, std::min(end, text.size())))),
                      "XXH3_ with 16 digits, two blanks, a name and a newline");
    }
    list.push_back(std::move(checksum));
    text.remove_prefix(end + 1);
  }
  if (ends_as_it_must(list)) return list;
  return bad_list("the list has no end",
                  fmt::format("{} to {} last", kCheckedNames.front(), kCheckedNames.back()));
}

Result<std::vector<Checksum>> read_checksums(const std::string& run_dir) {
  ASSIGN_OR_RETURN(const std::string text,
                   read_whole(run_dir + "/" + std::string(kChecksumsName), kListBytesMax));
  Result<std::vector<Checksum>> list = parse_checksums(text);
  if (list.is_ok()) return list;
  return Status::failed(escaped(run_dir) + "/" + list.status().message());
}

bool is_finished_run(const std::string& run_dir) {
  const Result<std::vector<Checksum>> list = read_checksums(run_dir);
  if (!list.is_ok()) return false;
  const auto own = list->end() - static_cast<std::ptrdiff_t>(kCheckedNames.size());
  const bool all_there = std::all_of(own, list->end(), [&](const Checksum& file) {
    return is_regular_file(run_dir + "/" + file.name);
  });
  if (!all_there) return false;
  const Result<SealedFile> results = checksum_file(run_dir + "/" + own->name);
  return results.is_ok() && results->checksum == own->value;
}

}  // namespace shardmill
