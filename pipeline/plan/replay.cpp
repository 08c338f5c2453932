#include "pipeline/plan/replay.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/core/options.h"
#include "pipeline/formats/byte_source.h"
#include "pipeline/formats/json_tree.h"
#include "pipeline/plan/job.h"

namespace shardmill {

namespace {

constexpr uint64_t kBytesMax = uint64_t{1} << 30;
constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kMistakesShown = 10;
constexpr uint64_t kOffsetMax = INT64_MAX;  ///< offsets are a column of the job, too

Status unreadable(const std::string& path, std::string found, std::string expected,
                  std::string fix = {}) {
  return Status::usage(Message{.place = escaped(path),
                               .found = std::move(found),
                               .expected = std::move(expected),
                               .fix = std::move(fix)}
                           .text());
}

Result<std::string> read_content(const std::string& path) {
  const std::string expected = "a file like bad_records.jsonl of a run directory";
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0)
    return unreadable(path, ascii_lower(std::strerror(errno)), expected);
  if (!S_ISREG(status.st_mode)) return unreadable(path, "it is no regular file", expected);
  const auto source = open_file(path, {.size_bytes = static_cast<uint64_t>(status.st_size)});
  if (!source.is_ok()) return unreadable(path, source.status().message(), expected);
  std::string content;
  while (true) {
    const size_t before = content.size();
    content.resize(before + kPieceBytes);
    const Result<size_t> read = (*source)->read(content.data() + before, kPieceBytes);
    if (!read.is_ok()) return unreadable(path, read.status().message(), expected);
    content.resize(before + *read);
    if (*read == 0) return content;
    if (content.size() <= kBytesMax) continue;
    return unreadable(path, "more than 1 GiB of records", "at most that",
                      "cut the file at a newline and feed its pieces to runs of their own");
  }
}

/// The lines of one file, taken apart.
class ReplayParser {
 public:
  explicit ReplayParser(const Manifest& manifest) {
    for (const ManifestFile& file : manifest.files) {
      files_[file.path] = {.path = file.path,
                           .size_bytes = file.size_bytes,
                           .mtime_ns = file.mtime_ns,
                           .records = {}};
    }
  }

  void parse(std::string_view content) {
    for (int line = 1; !content.empty(); ++line) {
      const size_t end = std::min(content.find('\n'), content.size());
      const std::string_view text = content.substr(0, end);
      content.remove_prefix(std::min(end + 1, content.size()));
      if (!trimmed(text).empty()) parse_line(line, text);
    }
    check_twice();
  }

  const Problems& problems() const { return problems_; }

  Replay take() {
    Replay replay;
    for (auto& [path, file] : files_) {
      if (!file.records.empty()) replay.files.push_back(std::move(file));
    }
    return replay;
  }

 private:
  struct Place {
    int line = 0;
    uint64_t offset = 0;
  };

  void problem(int line, std::string found, std::string expected, std::string fix) {
    if (problems_.list().size() == kMistakesShown) {
      problems_.add(line, {.place = {}, .found = "further mistakes are not shown"});
    }
    if (problems_.list().size() > kMistakesShown) return;
    problems_.add(line, {.place = {},
                         .found = std::move(found),
                         .expected = std::move(expected),
                         .fix = std::move(fix)});
  }

  void parse_line(int line, std::string_view text) {
    JsonNode node;
    if (const auto mistake = parse_json_tree(text, node)) {
      return problem(line, mistake->text("line"), {}, "each line is a record in JSON");
    }
    const auto path = bytes_of(node, "file");
    const auto offset = whole_of(node, "offset");
    auto bytes = bytes_of(node, "bytes");
    if (!path || !offset || *offset > kOffsetMax || !bytes) {
      return problem(line, "no record with its place", "\"file\", \"offset\" and \"bytes\"",
                     "mend only \"bytes\" of what the run wrote, or take the line out");
    }
    const std::string place = place_in_file(*path, *offset);
    const auto file = files_.find(*path);
    if (file == files_.end()) {
      return problem(line, "a record of " + quoted(*path), "a file that the job reads",
                     "give the command from the folder of the first run");
    }
    if (is_true(node, "by_stage")) {
      return problem(line, "a record that a stage rejected (" + place + ")",
                     "one that could not be read",
                     "the stages before it have counted it: take the line out");
    }
    if (is_true(node, "cut")) {
      const uint64_t whole = whole_of(node, "record_bytes").value_or(0);
      return problem(line,
                     "the beginning of a record of " + counted(whole, "byte") + " (" + place + ")",
                     "all of it",
                     "run the job again with --set run.reject_bytes_kept=" + std::to_string(whole) +
                         ", or put all of it into \"bytes\" and take \"cut\" out");
    }
    file->second.records.push_back({.offset = *offset,
                                    .number = whole_of(node, "record").value_or(0),
                                    .bytes = std::move(*bytes)});
    lines_[*path].push_back({.line = line, .offset = *offset});
  }

  static std::optional<std::string> bytes_of(const JsonNode& node, std::string_view name) {
    const JsonNode* member = node.find(name);
    return member == nullptr ? std::nullopt : member->bytes();
  }

  static std::optional<uint64_t> whole_of(const JsonNode& node, std::string_view name) {
    const JsonNode* member = node.find(name);
    return member == nullptr ? std::nullopt : member->whole();
  }

  static bool is_true(const JsonNode& node, std::string_view name) {
    const JsonNode* member = node.find(name);
    return member != nullptr && member->value.text == "true";
  }

  void check_twice() {
    for (auto& [path, places] : lines_) {
      auto& records = files_[path].records;
      std::stable_sort(records.begin(), records.end(),
                       [](const auto& a, const auto& b) { return a.offset < b.offset; });
      std::stable_sort(places.begin(), places.end(),
                       [](const Place& a, const Place& b) { return a.offset < b.offset; });
      for (size_t i = 1; i < places.size(); ++i) {
        if (places[i - 1].offset != places[i].offset) continue;
        problem(places[i].line,
                "the record of line " + std::to_string(places[i - 1].line) + " again (" +
                    place_in_file(path, places[i].offset) + ")",
                "each record once", "put several into one \"bytes\", with \\n between them");
      }
    }
  }

  std::map<std::string, ReplayFile> files_;  ///< all inputs
  std::map<std::string, std::vector<Place>> lines_;
  Problems problems_;
};

/// Tells of the records of one file where they stand in it.
class PlacedRejects final : public RejectLog {
 public:
  PlacedRejects(RejectLog* log, const ReplayFile& file) : log_(log), file_(file) {}

  void begin_record(size_t index) {
    begin_ = file_.records[index].offset;
    const bool is_last = index + 1 == file_.records.size();
    last_ = is_last ? kOffsetMax : file_.records[index + 1].offset - 1;
  }

  /// What has grown beyond its place has the last offset before the next record.
  uint64_t offset_of(uint64_t position) const {
    return position > last_ - begin_ ? last_ : begin_ + position;
  }

  void reject(std::string_view path, uint64_t offset, std::string_view bytes, uint64_t record_bytes,
              std::string_view reason) override {
    if (log_ != nullptr) log_->reject(path, offset_of(offset), bytes, record_bytes, reason);
  }
  void bad_value(std::string_view path, uint64_t offset, std::string_view column,
                 std::string_view value) override {
    if (log_ != nullptr) log_->bad_value(path, offset_of(offset), column, value);
  }

 private:
  RejectLog* log_;
  const ReplayFile& file_;
  uint64_t begin_ = 0;
  uint64_t last_ = 0;
};

class ReplayReader final : public Reader {
 public:
  ReplayReader(const BoundInput& input, const ReplayFile& file, const ReadContext& context)
      : input_(input),
        file_(file),
        slice_({.path = file.path, .size_bytes = file.size_bytes, .mtime_ns = file.mtime_ns}),
        rejects_(context.rejects, file),
        context_(context) {
    context_.rejects = &rejects_;
    context_.content = &content_;
    context_.content_is_records = true;
    context_.first_record.reset();
  }

  Result<bool> next(Batch& batch) override {
    while (true) {
      if (reader_ == nullptr) {
        if (next_ == file_.records.size()) return finish(batch);
        RETURN_IF_ERROR(open_record());
      }
      ASSIGN_OR_RETURN(const bool more, reader_->next(batch));
      if (more) {
        batch.cut();
        // What was not filled becomes a place within this record, too.
        for (uint64_t& offset : batch.offsets) offset = rejects_.offset_of(offset);
        return true;
      }
      add_up(reader_->end());
      reader_.reset();
    }
  }

  const SliceEnd& end() const override { return end_; }
  uint64_t good_bytes() const override { return bytes_; }
  uint64_t disk_position() const override { return bytes_; }

 private:
  Status open_record() {
    const ReplayRecord& record = file_.records[next_];
    rejects_.begin_record(next_);
    content_ = record.bytes;
    if (!content_.ends_with('\n')) content_ += '\n';
    ASSIGN_OR_RETURN(reader_, input_.open(slice_, context_));
    ++next_;
    return {};
  }

  void add_up(const SliceEnd& end) {
    bytes_ += file_.records[next_ - 1].bytes.size();
    end_.records += end.records;
    end_.rejected += end.rejected;
    end_.rejected_bytes += end.rejected_bytes;
    end_.bad_values += end.bad_values;
    if (end_.note.empty()) end_.note = end.note;
  }

  bool finish(Batch& batch) {
    batch.clear();
    end_.handover = end_.plain_bytes = end_.disk_bytes = bytes_;
    return false;
  }

  const BoundInput& input_;
  const ReplayFile& file_;
  const FileSlice slice_;
  PlacedRejects rejects_;
  ReadContext context_;
  std::string content_;
  std::unique_ptr<Reader> reader_;
  size_t next_ = 0;  ///< record to open
  uint64_t bytes_ = 0;
  SliceEnd end_;
};

class ReplayInput final : public BoundInput {
 public:
  ReplayInput(std::unique_ptr<BoundInput> input, std::shared_ptr<const Replay> replay)
      : input_(std::move(input)), replay_(std::move(replay)) {}

  Result<std::unique_ptr<Reader>> open(const FileSlice& slice, ReadContext context) const override {
    SHARDMILL_CHECK(slice.file_index < replay_->files.size());
    return std::unique_ptr<Reader>(
        std::make_unique<ReplayReader>(*input_, replay_->files[slice.file_index], context));
  }

 private:
  std::unique_ptr<BoundInput> input_;
  std::shared_ptr<const Replay> replay_;
};

/// The files of the replay, as large as what is read of them. Where they are from stays as it is,
/// so that outputs have the names that the first run gave them.
void list_replay(const Replay& replay, Manifest& manifest) {
  manifest.files.clear();
  manifest.notes.clear();
  manifest.total_bytes = 0;
  for (const ReplayFile& file : replay.files) {
    uint64_t bytes = 0;
    for (const ReplayRecord& record : file.records) bytes += record.bytes.size();
    manifest.files.push_back({.path = file.path, .size_bytes = bytes, .mtime_ns = file.mtime_ns});
    manifest.total_bytes += bytes;
  }
}

}  // namespace

uint64_t Replay::number_at(uint64_t file_index, uint64_t offset) const {
  const auto& records = files[file_index].records;
  const auto behind =
      std::upper_bound(records.begin(), records.end(), offset,
                       [](uint64_t at, const ReplayRecord& record) { return at < record.offset; });
  return behind == records.begin() ? 0 : std::prev(behind)->number;
}

void Replay::encode(ByteWriter& writer) const {
  writer.varint(files.size());
  for (const ReplayFile& file : files) {
    writer.text(file.path);
    writer.varint(file.size_bytes);
    writer.i64(file.mtime_ns);
    writer.varint(file.records.size());
    for (const ReplayRecord& record : file.records) {
      writer.varint(record.offset);
      writer.varint(record.number);
      writer.text(record.bytes);
    }
  }
}

Replay Replay::decode(ByteReader& reader) {
  Replay replay;
  const uint64_t files = reader.varint();
  if (!reader.count_fits(files, 11)) return replay;
  replay.files.resize(files);
  for (ReplayFile& file : replay.files) {
    file.path = reader.text();
    file.size_bytes = reader.varint();
    file.mtime_ns = reader.i64();
    const uint64_t records = reader.varint();
    if (!reader.count_fits(records, 3)) return replay;
    file.records.resize(records);
    for (ReplayRecord& record : file.records) {
      record.offset = reader.varint();
      record.number = reader.varint();
      record.bytes = reader.text();
    }
  }
  return replay;
}

Result<Replay> read_replay(const std::string& path, Manifest& manifest) {
  ASSIGN_OR_RETURN(const std::string content, read_content(path));
  ReplayParser parser(manifest);
  parser.parse(content);
  if (!parser.problems().empty()) {
    return Status::usage(problems_text(escaped(path), parser.problems()));
  }
  Replay replay = parser.take();
  if (replay.files.empty()) {
    return unreadable(path, "no record stands in it", "at least one",
                      "there is nothing to feed again");
  }
  list_replay(replay, manifest);
  return replay;
}

std::unique_ptr<BoundInput> replay_input(std::unique_ptr<BoundInput> input,
                                         std::shared_ptr<const Replay> replay) {
  return std::make_unique<ReplayInput>(std::move(input), std::move(replay));
}

}  // namespace shardmill
