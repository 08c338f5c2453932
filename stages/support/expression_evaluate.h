// Computes a program over the rows of batches, a block at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/base/arena.h"
#include "pipeline/core/batch.h"
#include "stages/support/expression_program.h"
#include "stages/support/expression_vector.h"

namespace shardmill {

/// Up to kBlockRows selected rows of a batch.
struct BlockRows {
  const Batch* batch = nullptr;
  size_t count = 0;
  size_t first = 0;                ///< the rows are first, first + 1, ... if `rows` is nullptr
  const uint32_t* rows = nullptr;  ///< otherwise these

  size_t row(size_t i) const { return rows == nullptr ? first + i : rows[i]; }
};

/// One worker's.
///
/// Every part is computed for every row of a block except where a whole block does not need it.
/// What is counted, and which records are rejected, follows from the single row all the same: parts
/// whose value does not matter for a row (behind a false `and`, a true `or`, in the branch of `if`
/// or `coalesce` that is not taken) neither count nor reject.
class ProgramEvaluator {
 public:
  /// `program` must outlive the evaluator.
  explicit ProgramEvaluator(const Program& program);

  /// The values of the root. New text is made in `arena`. The result is not constant.
  Value evaluate(const BlockRows& rows, Arena& arena);
  /// Which rows of the last block met the match limit: 1 for those; nullptr if none can.
  const uint8_t* limited() const { return limited_.empty() ? nullptr : limited_.data(); }
  const ExpressionCounts& counts() const { return counts_; }
  void reset_counts() { counts_ = {}; }

  /// The value of a node whose children are all constants, while the program is being made.
  static Constant fold(const std::deque<ProgramNode>& nodes, uint32_t node,
                       ExpressionCounts& counts);

 private:
  ProgramEvaluator(const std::deque<ProgramNode>& nodes, bool folding);

  void make_match(uint32_t index);
  // `skip`: rows whose value will not be looked at; nullptr: none.
  Value node(uint32_t index, const uint8_t* skip);
  Value computed(const ProgramNode& node, uint32_t index, const uint8_t* skip);
  Value column(const ProgramNode& node);
  Value full(uint32_t index, const uint8_t* skip);
  Value to_float(const ProgramNode& node, const uint8_t* skip);
  Value negate(const ProgramNode& node, const uint8_t* skip);
  Value logical_not(const ProgramNode& node, const uint8_t* skip);
  Value logical_chain(const ProgramNode& node, const uint8_t* skip);
  Value compare(const ProgramNode& node, const uint8_t* skip);
  Value compare_constant(const ProgramNode& node, const uint8_t* skip);
  Value membership(const ProgramNode& node, const uint8_t* skip);
  Value null_test(const ProgramNode& node, const uint8_t* skip);
  Value arithmetic(const ProgramNode& node, const uint8_t* skip);
  Value call(const ProgramNode& node, uint32_t index, const uint8_t* skip);
  Value choose(const ProgramNode& node, const uint8_t* skip);
  Value first_not_null(const ProgramNode& node, const uint8_t* skip);
  Value broadcast(const Vector& constant);
  Value owned_copy(Value value);
  void copy_where(Value& to, const Vector& from, const uint8_t* where);

  const std::deque<ProgramNode>& nodes_;
  uint32_t root_ = 0;
  BufferPool pool_;
  std::vector<std::unique_ptr<PatternMatch>> matches_;  ///< by node
  std::vector<uint8_t> limited_;
  ExpressionCounts counts_;
  BlockRows rows_;
  Arena* arena_ = nullptr;
  Arena own_arena_;  ///< for folding
};

}  // namespace shardmill
