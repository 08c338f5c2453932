// A number for each record that depends on where the record stands and nothing else.
#pragma once

#include <cstdint>
#include <string_view>

#include "pipeline/base/hash.h"
#include "pipeline/core/batch.h"

namespace shardmill {

/// Hashes a record's identity: (manifest path, byte offset, sub-index after `split`). The same on
/// any layout. One worker. REQUIRES: Binder::need_offsets was called.
class IdentityHash {
 public:
  explicit IdentityHash(uint64_t seed) : seed_(seed) {}

  void begin_file(std::string_view path) { path_hash_ = hash64(path, seed_); }

  /// REQUIRES: begin_file with the path of the batch.
  uint64_t of(const Batch& batch, size_t row) const {
    const uint64_t sub_index = batch.sub_indices.empty() ? 0 : batch.sub_indices[row];
    const uint64_t identity[3] = {path_hash_, batch.offsets[row], sub_index};
    return hash64_of_words(identity, seed_);
  }

 private:
  uint64_t seed_;
  uint64_t path_hash_ = 0;
};

}  // namespace shardmill
