// The mergeable state of a summarising stage.
#pragma once

#include <cstddef>

#include "pipeline/base/bytes.h"
#include "pipeline/base/status.h"

namespace shardmill {

/// What a summarising stage knows about the records that it has seen.
///
/// The state is a function of the *multiset* of records: `merge` is associative, commutative and
/// exact, so the order of records, units, threads and ranks never shows. Only the stage's `finish`
/// rounds or cuts. `decode(encode(p)) == p`, and equal states have equal bytes (keys sorted,
/// numbers in one form), with a version byte first. One owner, one thread at a time.
class Partial {
 public:
  virtual ~Partial() = default;

  /// Adds the state of `other`, which is left unspecified. REQUIRES: both were made by the same
  /// stage.
  virtual void merge(Partial&& other) = 0;
  /// Appends the canonical form.
  virtual void encode(ByteWriter& writer) const = 0;
  /// Replaces the state with what `encode` wrote. kFailed if the bytes are not that; nothing in
  /// them is trusted.
  virtual Status decode(ByteReader& reader) = 0;
  /// Memory held, for the budget; cheap, called after each chunk.
  virtual size_t memory_bytes() const = 0;
  /// Keys, values or records that it holds, for messages about its size; as cheap.
  virtual uint64_t entries() const { return 0; }
};

}  // namespace shardmill
