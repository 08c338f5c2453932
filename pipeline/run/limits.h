// What the workers of a rank share while they work: limits.
#pragma once

#include <cstdint>

namespace shardmill {

/// `--limit N`: the first N records in canonical order. Units then come one at a time, in order, so
/// that this has one user at a time (the mailbox orders them).
struct RecordLimit {
  bool on = false;
  uint64_t left = 0;
};

}  // namespace shardmill
