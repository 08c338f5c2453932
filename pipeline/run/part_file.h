// What one write stage makes of one unit: rows in order, in a file of the run directory, until the
// outputs are assembled.
//
//   a part:   frame | frame | frame ...
//   a frame:  rows of one final file | their lengths, if the output is cut into numbered parts
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/sink.h"
#include "pipeline/run/output_file.h"

namespace shardmill {

/// Rows of one final file, one behind the other.
struct PartFrame {
  /// kPerInput: the slice of the unit; kByColumn: index in WrittenPart::names; otherwise 0.
  uint64_t file = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t lengths_bytes = 0;  ///< behind the rows: the length of each as a varint
};

/// Which file holds a part: one of its own, or the pool of the worker that committed it.
class PartFileId {
 public:
  /// Each attempt has files of its own: nothing that an earlier one left is written over, nor can
  /// one that still lives write into those of a later one.
  static PartFileId own(uint64_t generation, uint64_t unit, size_t stage) {
    return PartFileId((generation & kGenerations) << 48 | unit << 16 | stage);
  }
  static PartFileId pool(uint64_t generation, uint64_t rank, uint64_t worker) {
    return PartFileId(kPool | (generation & kGenerations) << 48 | rank << 24 | worker);
  }
  bool is_pool() const { return (number_ & kPool) != 0; }
  explicit PartFileId(uint64_t number = 0) : number_(number) {}

  uint64_t number() const { return number_; }
  std::string path(const std::string& parts_dir) const;
  friend bool operator==(const PartFileId&, const PartFileId&) = default;

 private:
  static constexpr uint64_t kPool = uint64_t{1} << 63;
  static constexpr uint64_t kGenerations = 0x7fff;
  uint64_t number_;
};

/// A committed part: where it is and how it is made up.
struct WrittenPart {
  PartFileId file = PartFileId();
  uint64_t begin = 0;                      ///< in the file
  std::vector<std::string> names;          ///< kByColumn: of the final files, each once
  std::vector<PartFrame> frames;           ///< one behind the other
  uint64_t longest_row = 0;                ///< bytes; known if lengths are
  std::vector<ColumnTotals> columns = {};  ///< if the output is an HDF5 file

  void encode(ByteWriter& writer) const;
  static WrittenPart decode(ByteReader& reader);
  uint64_t bytes() const;  ///< in the file
};

/// Small parts of all units of one worker, one behind the other in one file: a run that filters
/// much must not leave a file for each unit. Made when it is first used.
class PartPool {
 public:
  PartPool(const std::string& parts_dir, PartFileId id) : path_(id.path(parts_dir)), id_(id) {}
  PartPool(const PartPool&) = delete;
  PartPool& operator=(const PartPool&) = delete;

  PartFileId id() const { return id_; }
  bool is_used() const { return size_ > 0; }
  /// Returns where the bytes begin.
  Result<uint64_t> append(std::string_view bytes);
  /// All that was appended is durable.
  Status sync();
  /// Nothing follows. Over a network the last writes may fail only now.
  Status close();

 private:
  std::string path_;
  PartFileId id_;
  FileHandle file_;
  uint64_t size_ = 0;
};

/// Bytes one behind the other: in memory up to 512 KiB, then in a file. Gone with the object unless
/// they are kept. One thread.
class BufferedFile {
 public:
  explicit BufferedFile(std::string path) : path_(std::move(path)) {}
  ~BufferedFile() { clear(); }
  BufferedFile(const BufferedFile&) = delete;
  BufferedFile& operator=(const BufferedFile&) = delete;

  Status append(std::string_view bytes);
  uint64_t size() const { return size_; }
  bool is_in_memory() const { return !file_.is_open(); }
  /// REQUIRES: is_in_memory().
  std::string_view content() const { return buffer_; }
  /// Copies a stretch of it to the end of `out`.
  Status copy(uint64_t offset, uint64_t bytes, BufferedFile& out);
  /// Empties it and removes the file.
  void clear();
  /// Gives the file its lasting name; nothing is left here. REQUIRES: not in memory.
  Status keep_as(const std::string& path);

 private:
  Status flush();
  Status write(std::string_view bytes);

  std::string path_;
  std::string buffer_;
  FileHandle file_;
  uint64_t size_ = 0;
};

/// One unit's part of one write stage, which is there for good only once it commits. A part that
/// fits into a buffer goes to the worker's pool then; a bigger one gets a file of its own. Used by
/// one worker for one unit.
class Part : public Sink {
 public:
  Part(const std::string& parts_dir, PartFileId id)
      : path_(id.path(parts_dir)), id_(id), out_(path_ + ".tmp") {}

  /// Rows from now on belong to this slice. Slices come in order.
  virtual void begin_slice(size_t slice) = 0;
  /// Forgets all rows.
  virtual void discard() = 0;
  /// The part is there for good. Nothing may follow.
  virtual Result<WrittenPart> commit(PartPool& pool) = 0;

 protected:
  /// What stands in `out_` becomes the part, which `part` describes but for its place.
  Result<WrittenPart> keep(PartPool& pool, WrittenPart part);
  const std::string& path() const { return path_; }
  BufferedFile& out() { return out_; }
  void add_totals(std::span<const ColumnTotals> columns) { merge_totals(columns, totals_); }
  std::vector<ColumnTotals> take_totals() { return std::exchange(totals_, {}); }

 private:
  std::string path_;
  PartFileId id_;
  BufferedFile out_;
  std::vector<ColumnTotals> totals_;
};

/// For kSingle and kPerInput: rows stay in the order in which they come.
class PartFile final : public Part {
 public:
  PartFile(const std::string& parts_dir, PartFileId id, const OutputSpec& spec)
      : Part(parts_dir, id),
        per_slice_(spec.layout == OutputLayout::kPerInput),
        with_lengths_(spec.needs_lengths()) {}

  void begin_slice(size_t slice) override;
  Status append(const FramedRows& rows) override;
  void discard() override;
  Result<WrittenPart> commit(PartPool& pool) override;

 private:
  Status end_frame();

  const bool per_slice_;
  const bool with_lengths_;
  std::vector<PartFrame> frames_;
  PartFrame frame_;     ///< the last one, open
  uint64_t file_ = 0;   ///< of the rows that come
  ByteWriter lengths_;  ///< of the rows of the open frame
  uint64_t longest_row_ = 0;
};

/// The kind that the output needs.
std::unique_ptr<Part> make_part(const std::string& parts_dir, PartFileId id,
                                const OutputSpec& spec);

}  // namespace shardmill
