// Lines of JSON text that need a closer look than the fast ways through it take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "inputs/support/json_block.h"
#include "inputs/support/json_marks.h"

namespace shardmill {

/// Goes through the odd escapes and the controls of a marked text, block by block. One worker.
class JsonOddLines {
 public:
  /// What is referred to must stay until all blocks were asked for.
  void begin(std::string_view text, const JsonMarks& marks);

  /// By line of the block: has it an escape that is none? REQUIRES: blocks come in their order.
  uint64_t bad_escapes(const JsonBlock& block);
  /// Has it a control character, other than one carriage return at its end? REQUIRES: likewise.
  uint64_t controls(const JsonBlock& block);

 private:
  bool has_bad_escape(const JsonBlock::Line& line);

  std::string_view text_;
  const JsonMarks* marks_ = nullptr;
  size_t next_odd_escape_ = 0;  ///< of the marks, the first that no line before had
  size_t next_control_ = 0;     ///< likewise
};

}  // namespace shardmill
