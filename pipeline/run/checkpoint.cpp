#include "pipeline/run/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/run/durable.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "shardmill checkpoint 2\n";
constexpr std::string_view kIndexMagic = "shardmill checkpoint index 1";
constexpr double kMostShareOfTime = 0.02;
/// What the first checkpoint of a table is taken to cost: sorting its keys is most of it.
constexpr double kGuessedBytesPerSecond = 128 << 20;
constexpr uint64_t kLargeStateBytes = 8 << 20;  ///< smaller ones say nothing of large ones
constexpr uint64_t kIndexBytesMax = 1 << 30;
constexpr uint32_t kGenerationMax = 1'000'000;  ///< a larger number in a name is nobody's

/// Cost of a last checkpoint: encoding and writing to the kernel's memory.
constexpr double kBytesPerSecond = 64 << 20;
constexpr double kSecondsOfNoMatter = 0.002;

std::string last_name(const std::string& name) {
  return "last-" + name;
}

Status not_whole(std::string_view what) {
  return Status::failed(std::string(what));
}

std::string file_name(uint32_t generation, uint32_t rank, uint32_t worker) {
  return fmt::format("gen-{}.rank-{}.worker-{}", generation, rank, worker);
}

void encode_unit(ByteWriter& writer, const CoveredUnit& unit) {
  writer.varint(unit.unit);
  encode_optional(writer, unit.next);
  writer.varint(unit.first_record);
  writer.text(unit.report);
}

CoveredUnit decode_unit(ByteReader& reader) {
  CoveredUnit unit;
  unit.unit = reader.varint();
  unit.next = decode_optional(reader);
  unit.first_record = reader.varint();
  unit.report = reader.text();
  return unit;
}

/// Names that start with `prefix`, sorted.
std::vector<std::string> names_with(const std::string& folder, std::string_view prefix) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename();
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The number behind "index-" or "gen-".
std::optional<uint32_t> generation_of(std::string_view name) {
  name.remove_prefix(std::min(name.size(), name.find('-') + 1));
  uint32_t generation = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), generation);
  if (error != std::errc() || end == name.data() || generation > kGenerationMax) {
    return std::nullopt;
  }
  return generation;
}

std::optional<uint64_t> hex_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The rest of the line after "key ", or nothing if the next line is another.
std::optional<std::string_view> line_of(std::string_view& text, std::string_view key) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(key)) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  if (line.size() <= key.size() || line[key.size()] != ' ') return std::nullopt;
  text.remove_prefix(end + 1);
  return line.substr(key.size() + 1);
}

/// A name in the folder, nothing else.
bool is_checkpoint_name(std::string_view name) {
  return name.starts_with("gen-") && name.find('/') == std::string_view::npos;
}

std::optional<FrozenFile> parse_file_line(std::string_view line) {
  FrozenFile file;
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  const auto checksum = hex_number(line.substr(0, first));
  const auto bytes = hex_number(line.substr(first + 1, second - first - 1));
  file.name = line.substr(second + 1);
  if (!checksum || !bytes || !is_checkpoint_name(file.name)) return std::nullopt;
  file.checksum = *checksum;
  file.bytes = *bytes;
  return file;
}

}  // namespace

void CheckpointPlan::encode(ByteWriter& writer) const {
  writer.text(folder);
  writer.u64(identity);
  writer.u32(generation);
  lock.encode(writer);
  writer.f64(interval_seconds);
}

CheckpointPlan CheckpointPlan::decode(ByteReader& reader) {
  CheckpointPlan plan;
  plan.folder = reader.text();
  plan.identity = reader.u64();
  plan.generation = reader.u32();
  plan.lock = LockKey::decode(reader);
  plan.interval_seconds = reader.f64();
  return plan;
}

CheckpointWriter::CheckpointWriter(const CheckpointPlan& plan, int rank, unsigned worker)
    : plan_(plan),
      name_(file_name(plan.generation, static_cast<uint32_t>(rank), worker)),
      rank_(static_cast<uint32_t>(rank)),
      worker_(worker),
      seconds_per_byte_(1 / kGuessedBytesPerSecond) {}

void CheckpointWriter::cover(CoveredUnit unit) {
  units_.push_back(std::move(unit));
  has_news_ = true;
}

bool CheckpointWriter::is_due(uint64_t state_bytes) const {
  if (!has_news_) return false;
  if (plan_.interval_seconds <= 0) return true;
  const double seconds_gone = seconds_since(last_);
  if (seconds_gone < plan_.interval_seconds) return false;
  const double cost =
      std::max(seconds_of_last_, static_cast<double>(state_bytes) * seconds_per_byte_);
  return cost <= seconds_gone * kMostShareOfTime;
}

WriteBytes CheckpointWriter::bytes_of(const Totals& totals) const {
  return [&](const TakeBytes& take) -> Status {
    Hasher64 hasher;
    Status status;
    ByteWriter writer([&](std::string_view piece) {
      hasher.update(piece);
      if (status.is_ok()) status = take(piece);
    });
    encode(totals, writer);
    writer.flush();
    RETURN_IF_ERROR(status);
    ByteWriter tail;
    tail.u64(hasher.digest());
    return take(tail.bytes());
  };
}

Status CheckpointWriter::write(const Totals& totals, Clock::time_point start) {
  RETURN_IF_ERROR(write_durably(plan_.folder, name_, bytes_of(totals), plan_.lock));
  has_news_ = false;
  last_ = Clock::now();
  seconds_of_last_ = seconds_since(start);
  const uint64_t state_bytes = totals.memory_bytes();
  if (state_bytes >= kLargeStateBytes) {
    seconds_per_byte_ = seconds_of_last_ / static_cast<double>(state_bytes);
  }
  return {};
}

void CheckpointWriter::encode(const Totals& totals, ByteWriter& writer) const {
  writer.raw(kMagic.data(), kMagic.size());
  writer.u64(plan_.identity);
  for (const uint32_t number : {plan_.generation, rank_, worker_}) writer.u32(number);
  writer.varint(units_.size());
  for (const CoveredUnit& unit : units_) encode_unit(writer, unit);
  totals.encode(writer);
}

bool CheckpointWriter::write_last(const Totals& totals) const {
  const double cost = static_cast<double>(totals.memory_bytes()) / kBytesPerSecond;
  const double most = std::max(kSecondsOfNoMatter, seconds_since(last_) * kMostShareOfTime);
  if (!has_news_ || cost > most) return false;
  return write_plainly(plan_.folder + "/" + last_name(name_), bytes_of(totals)).is_ok();
}

Status keep_last(const CheckpointPlan& plan, const std::string& parts_dir,
                 const LastCheckpoint& last) {
  if (last.name.empty()) return {};
  const std::string& folder = plan.folder;
  for (const std::string& part : last.parts) RETURN_IF_ERROR(sync_file(part));
  if (!last.parts.empty()) RETURN_IF_ERROR(sync_folder(parts_dir));
  const std::string path = folder + "/" + last_name(last.name);
  RETURN_IF_ERROR(sync_file(path));
  const std::string name = folder + "/" + last.name;
  RETURN_IF_ERROR(plan.lock.check());
  if (std::rename(path.c_str(), name.c_str()) != 0) return file_error(name, "renamed", errno);
  return sync_folder(folder);
}

std::string CheckpointIndex::text() const {
  std::string out = fmt::format("{}\nidentity {:016x}\ngeneration {}\ntoken {}\n", kIndexMagic,
                                identity, generation, token);
  for (const FrozenFile& file : files) {
    out += fmt::format("file {:016x} {:x} {}\n", file.checksum, file.bytes, file.name);
  }
  return out + fmt::format("end {:016x}\n", hash64(out));
}

Result<CheckpointIndex> CheckpointIndex::parse(std::string_view text) {
  const size_t end = text.rfind("end ");
  if (end == std::string_view::npos || !text.starts_with(kIndexMagic) || !text.ends_with('\n')) {
    return not_whole("no checkpoint index");
  }
  const auto checksum = hex_number(text.substr(end + 4, text.size() - end - 5));
  if (!checksum || *checksum != hash64(text.substr(0, end))) {
    return not_whole("a damaged checkpoint index");
  }
  std::string_view rest = text.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), kIndexMagic.size() + 1));
  CheckpointIndex index;
  const auto identity = line_of(rest, "identity");
  const auto generation = line_of(rest, "generation");
  const auto token = line_of(rest, "token");
  if (!identity || !generation || !token) return not_whole("a damaged checkpoint index");
  index.identity = hex_number(*identity).value_or(0);
  std::from_chars(generation->data(), generation->data() + generation->size(), index.generation);
  index.token = *token;
  while (const auto line = line_of(rest, "file")) {
    std::optional<FrozenFile> file = parse_file_line(*line);
    if (!file) return not_whole("a damaged checkpoint index");
    index.files.push_back(std::move(*file));
  }
  if (!rest.empty()) return not_whole("a damaged checkpoint index");
  return index;
}

std::optional<CheckpointIndex> newest_index(const std::string& folder) {
  std::optional<CheckpointIndex> newest;
  for (const std::string& name : names_with(folder, "index-")) {
    const Result<std::string> text = read_whole(folder + "/" + name, kIndexBytesMax);
    if (!text.is_ok()) continue;
    Result<CheckpointIndex> index = CheckpointIndex::parse(*text);
    if (!index.is_ok()) continue;
    if (!newest || index->generation > newest->generation) newest = std::move(*index);
  }
  return newest;
}

std::vector<std::string> damaged_indexes(const std::string& folder) {
  std::vector<std::string> damaged;
  for (const std::string& name : names_with(folder, "index-")) {
    const Result<std::string> text = read_whole(folder + "/" + name, kIndexBytesMax);
    Status status = text.status();
    if (status.is_ok()) status = CheckpointIndex::parse(*text).status();
    if (status.is_ok()) continue;
    damaged.push_back(fmt::format(
        "checkpoint/{}: {}, expected what the run wrote; the checkpoints are read without it",
        escaped(name), status.message()));
  }
  return damaged;
}

uint32_t last_generation(const std::string& folder) {
  uint32_t last = 0;
  for (const std::string_view prefix : {"index-", "gen-"}) {
    for (const std::string& name : names_with(folder, prefix)) {
      last = std::max(last, generation_of(name).value_or(0));
    }
  }
  return last;
}

CheckpointFile::CheckpointFile(FileHandle file, uint64_t bytes, std::string place)
    : file_(std::move(file)), place_(std::move(place)) {
  sums_.bytes = bytes;
}

Result<CheckpointFile> CheckpointFile::open(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  FileHandle handle(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (!handle.is_open()) return file_error(path, "opened", errno);
  struct stat info = {};
  if (::fstat(handle.get(), &info) != 0) return file_error(path, "read", errno);
  if (!S_ISREG(info.st_mode)) return not_whole("no checkpoint");
  CheckpointFile file(std::move(handle), static_cast<uint64_t>(info.st_size), path);
  RETURN_IF_ERROR(file.add_up());
  return file;
}

/// One pass over the file: the sum of all of it, and whether its end is the sum of the rest.
Status CheckpointFile::add_up() {
  if (sums_.bytes < kMagic.size() + kTailBytes) return not_whole("no checkpoint");
  Hasher64 whole;
  Hasher64 body;
  std::string piece;
  while (more(piece)) {
    whole.update(piece);
    body.update(piece);
    piece.clear();
  }
  RETURN_IF_ERROR(error_);
  std::string tail;
  RETURN_IF_ERROR(read_range(file_, sums_.bytes - kTailBytes, kTailBytes, tail, place_));
  whole.update(tail);
  sums_.checksum = whole.digest();
  ByteReader reader(tail);
  is_whole_ = reader.u64() == body.digest();
  at_ = 0;
  return {};
}

bool CheckpointFile::more(std::string& out) {
  const uint64_t bytes = std::min<uint64_t>(ByteWriter::kPieceBytes, left());
  if (bytes == 0 || !error_.is_ok()) return false;
  std::string piece;
  error_ = read_range(file_, at_, bytes, piece, place_);
  if (!error_.is_ok()) return false;
  at_ += bytes;
  out += piece;
  return true;
}

Result<CheckpointHead> parse_head(ByteReader& reader, uint64_t identity, std::string_view name) {
  if (reader.raw(kMagic.size()) != kMagic) return not_whole("no checkpoint");
  if (reader.u64() != identity) return not_whole("a checkpoint of another run");
  const uint32_t generation = reader.u32();
  const uint32_t rank = reader.u32();
  const std::string written_as = file_name(generation, rank, reader.u32());
  if (written_as != name) return not_whole("the checkpoint " + shardmill::quoted(written_as));
  CheckpointHead head;
  const uint64_t units = reader.varint();
  if (reader.count_fits(units, 4)) {
    for (uint64_t i = 0; i < units && !reader.failed(); ++i) head.push_back(decode_unit(reader));
  }
  if (reader.failed()) return not_whole("a damaged checkpoint");
  return head;
}

Result<CheckpointHead> read_head(CheckpointFile& file, uint64_t identity, std::string_view name) {
  ByteReader reader(file);
  // What it is comes before what is wrong with it.
  Result<CheckpointHead> head = parse_head(reader, identity, name);
  file.rewind();
  if (head.is_ok() && !file.is_whole()) return not_whole("a damaged checkpoint");
  return head;
}

Result<CheckpointFile> open_frozen(const std::string& folder, const FrozenFile& file) {
  Result<CheckpointFile> opened = CheckpointFile::open(folder, file.name);
  if (opened.is_ok() && opened->bytes() == file.bytes && opened->checksum() == file.checksum) {
    return opened;
  }
  return Status::failed(Message{.place = escaped(folder + "/" + file.name),
                                .found = "a damaged checkpoint",
                                .expected = "what its index says",
                                .fix = "run the same command again: its units are done again"}
                            .text());
}

Status merge_frozen(const BoundJob& job, const CheckpointPlan& plan,
                    const std::vector<FrozenFile>& files, Totals& totals) {
  for (const FrozenFile& frozen : files) {
    ASSIGN_OR_RETURN(CheckpointFile file, open_frozen(plan.folder, frozen));
    ByteReader reader(file);
    RETURN_IF_ERROR(parse_head(reader, plan.identity, frozen.name).status());
    RETURN_IF_ERROR(totals.merge_encoded(job, reader));
  }
  return {};
}

void files_since(const std::string& folder, const CheckpointIndex& index,
                 std::vector<std::string>& damaged,
                 const std::function<void(FrozenFile, CheckpointHead)>& take) {
  for (const std::string& name : names_with(folder, "gen-")) {
    const std::optional<uint32_t> generation = generation_of(name);
    if (!generation || *generation < index.generation) continue;
    Result<CheckpointFile> file = CheckpointFile::open(folder, name);
    Result<CheckpointHead> units = file.is_ok() ? read_head(*file, index.identity, name)
                                                : Result<CheckpointHead>(file.status());
    if (units.is_ok()) {
      take({.name = name, .bytes = file->bytes(), .checksum = file->checksum()}, std::move(*units));
    } else {
      damaged.push_back(
          fmt::format("checkpoint/{}: {}, expected what a worker wrote; its units "
                      "are done again",
                      escaped(name), units.status().message()));
    }
  }
}

}  // namespace shardmill
