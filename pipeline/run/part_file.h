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

/// Where the part of `stage` of `unit` is, once it is committed. A part without bytes has no file.
std::string part_path(const std::string& parts_dir, uint64_t unit, size_t stage);

/// Rows are buffered; the file is made when the buffer is full, so that small parts are written at
/// once. Used by one worker for one unit.
class PartFile final : public Sink {
 public:
  PartFile(std::string path, size_t slices) : path_(std::move(path)), sections_(slices) {}
  ~PartFile() override { discard(); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  /// Rows from now on belong to this slice. Slices come in order.
  void begin_slice(size_t slice) { slice_ = slice; }
  Status append(std::string_view bytes, uint64_t rows) override;
  /// Forgets all rows.
  void discard();
  /// All rows are in a temporary file and the buffer is free, for a unit that has to wait.
  Status settle();
  /// The part is there under its name.
  Status commit();
  const std::vector<PartSection>& sections() const { return sections_; }

 private:
  Status flush();
  Status write(std::string_view bytes);
  Status fail(std::string_view doing) const;
  std::string temporary() const { return path_ + ".tmp"; }

  std::string path_;
  std::vector<PartSection> sections_;
  size_t slice_ = 0;
  std::string buffer_;
  int descriptor_ = -1;
};

}  // namespace shardmill
