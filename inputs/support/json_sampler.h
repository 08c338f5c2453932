// The columns of JSON lines, from samples, many records at once.
#pragma once

#include <string_view>

#include "inputs/support/json_block.h"
#include "inputs/support/json_infer.h"
#include "inputs/support/json_makes.h"
#include "inputs/support/json_marks.h"
#include "inputs/support/json_odd_lines.h"

namespace shardmill {

/// Adds samples to a JsonShape, which has the same columns then as if each line had been added by
/// itself: a record of the same make as one before it has no other paths, so that only its values
/// are looked at. About 0.7 GB/s with reading (`samples/jsonl` of scripts/bench --kernels). One
/// worker.
class JsonSampler {
 public:
  /// `shape` must outlive this.
  explicit JsonSampler(JsonShape& shape) : shape_(shape) {}

  /// Whole lines, of which only the last may lack its newline.
  /// REQUIRES: kTextPadding bytes behind the text may be read.
  void add(std::string_view text);

 private:
  void add_lines(std::string_view text);
  void add_block();

  JsonShape& shape_;
  JsonMarker marker_;
  JsonMakes makes_;
  JsonBlock block_;
  JsonOddLines odd_lines_;
};

}  // namespace shardmill
