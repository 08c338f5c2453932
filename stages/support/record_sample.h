// A sample of records that is the same on any layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// The records whose identity hashes (pipeline/core/identity.h) begin with `level` zero bits, where
/// level is the smallest at which no more than `records_max` are left: between a half and all of
/// records_max once there are so many. The level follows from the set of records alone, so merging
/// is exact and equal sets have equal bytes. Every record has the same chance, so a value has about
/// the share of the sample that it has of all records.
///
/// 8 to 32 bytes a value, and texts over 15 bytes, of which long ones are kept as keys. One owner,
/// one thread.
class RecordSample {
 public:
  /// The records that are kept now have hashes up to `threshold()`.
  RecordSample(std::vector<Type> types, size_t records_max);

  uint64_t threshold() const { return ~uint64_t{0} >> level_; }
  /// Some records of a batch, by row, with their hashes.
  struct Records {
    std::vector<uint32_t> rows;
    std::vector<uint64_t> hashes;
  };
  /// REQUIRES: no hash is above threshold(); a column for each type.
  void add(const Records& records, std::span<const Column* const> columns);
  void merge(const RecordSample& other);
  void encode(ByteWriter& writer) const;
  /// Marks the reader failed if the bytes are not that.
  void decode(ByteReader& reader);

  size_t size() const { return hashes_.size(); }
  /// The values of one column, in no order that may show; of texts the keys (text_key.h), which
  /// live as long as the sample is not changed.
  Column values_of(size_t column) const;
  size_t memory_bytes() const;

 private:
  struct Values {
    std::vector<uint64_t> words;     ///< numbers: their bits
    std::vector<std::string> texts;  ///< texts
    std::vector<uint8_t> null;
  };

  void add_values(const std::vector<uint32_t>& rows, const Column& column, Values& values);
  void keep(const std::vector<size_t>& records);
  void shrink();

  std::vector<Type> types_;
  size_t records_max_;
  unsigned level_ = 0;
  std::vector<uint64_t> hashes_;
  std::vector<Values> columns_;
  size_t text_bytes_ = 0;
};

}  // namespace shardmill
