// What one write stage makes of one unit: rows in order, in a file of the run directory, until the
// outputs are assembled.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/sink.h"

namespace shardmill {

/// How much of a part belongs to one slice of the unit.
struct PartSection {
  uint64_t bytes = 0;
  uint64_t rows = 0;

  void encode(ByteWriter& writer) const;
  static PartSection decode(ByteReader& reader);
};

/// Which file holds a part: one of its own, or the pool of the worker that committed it.
class PartFileId {
 public:
  static PartFileId own(uint64_t unit, size_t stage) { return PartFileId(unit << 16 | stage); }
  static PartFileId pool(uint64_t rank, uint64_t worker) {
    return PartFileId(kPool | rank << 24 | worker);
  }
  explicit PartFileId(uint64_t number = 0) : number_(number) {}

  uint64_t number() const { return number_; }
  std::string path(const std::string& parts_dir) const;
  friend bool operator==(const PartFileId&, const PartFileId&) = default;

 private:
  static constexpr uint64_t kPool = uint64_t{1} << 63;
  uint64_t number_;
};

/// A committed part: where it is and how it is made up.
struct WrittenPart {
  PartFileId file;
  uint64_t begin = 0;                 ///< in the file
  std::vector<PartSection> sections;  ///< by slice of the unit, one behind the other
};

/// Small parts of all units of one worker, one behind the other in one file: a run that filters
/// much must not leave a file for each unit. Made when it is first used.
class PartPool {
 public:
  PartPool(const std::string& parts_dir, PartFileId id) : path_(id.path(parts_dir)), id_(id) {}
  ~PartPool();
  PartPool(const PartPool&) = delete;
  PartPool& operator=(const PartPool&) = delete;

  PartFileId id() const { return id_; }
  /// Returns where the bytes begin.
  Result<uint64_t> append(std::string_view bytes);

 private:
  std::string path_;
  PartFileId id_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// Rows are buffered. A part that fits into the buffer goes to the worker's pool when it commits; a
/// bigger one gets a file of its own, under a temporary name until then. Used by one worker for one
/// unit.
class PartFile final : public Sink {
 public:
  PartFile(const std::string& parts_dir, PartFileId id, size_t slices)
      : path_(id.path(parts_dir)), id_(id), sections_(slices) {}
  ~PartFile() override { discard(); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  /// Rows from now on belong to this slice. Slices come in order.
  void begin_slice(size_t slice) { slice_ = slice; }
  Status append(std::string_view bytes, uint64_t rows) override;
  /// Forgets all rows.
  void discard();
  /// The part is there for good.
  Result<WrittenPart> commit(PartPool& pool);

 private:
  Status flush();
  Status write(std::string_view bytes);
  Status fail(std::string_view doing) const;
  std::string temporary() const { return path_ + ".tmp"; }

  std::string path_;
  PartFileId id_;
  std::vector<PartSection> sections_;
  size_t slice_ = 0;
  std::string buffer_;
  int descriptor_ = -1;
};

}  // namespace shardmill
