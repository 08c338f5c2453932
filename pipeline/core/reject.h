// Records that could not be understood: reported and counted, never fatal by themselves.
#pragma once

#include <cstdint>
#include <string_view>

namespace shardmill {

/// Takes rejected records. One per unit; used by one worker.
class RejectLog {
 public:
  virtual ~RejectLog() = default;
  /// `offset` is the record's byte offset in the plain file `path`, `bytes` the record or its
  /// beginning (it is cut to a bound), `record_bytes` its whole length, `reason` what was found and
  /// what was expected, in one line.
  virtual void reject(std::string_view path, uint64_t offset, std::string_view bytes,
                      uint64_t record_bytes, std::string_view reason) = 0;
  /// A value of `column` did not parse as its type and became null. `value` is cut to a bound.
  virtual void bad_value(std::string_view path, uint64_t offset, std::string_view column,
                         std::string_view value) = 0;
};

}  // namespace shardmill
