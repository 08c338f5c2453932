// Columns from chunks of JSON lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "inputs/support/json_block.h"
#include "inputs/support/json_columns.h"
#include "inputs/support/json_extract.h"
#include "inputs/support/json_makes.h"
#include "inputs/support/json_marks.h"
#include "inputs/support/json_odd_lines.h"
#include "inputs/support/json_walk.h"
#include "pipeline/core/batch.h"
#include "pipeline/formats/json_paths.h"

namespace shardmill {

/// What is to be filled. Columns and paths are of the same names in the same order.
struct JsonWanted {
  const std::vector<JsonColumn>& columns;
  const JsonPaths& paths;
  bool raw = false;
};

/// Reads records in three ways, each of which leaves to the next what it cannot decide: up to 64
/// lines at once by the makes of the records before them (json_makes.h), one by one along an index,
/// which is made only where it is needed (json_walk.h), byte by byte (json_extract.h). One worker.
class JsonLines {
 public:
  /// What `wanted` refers to must outlive this.
  explicit JsonLines(const JsonWanted& wanted);

  /// Fills the batch with the records of `text`, whole lines of which only the last may lack its
  /// newline, at this offset of the file. Returns their number.
  /// REQUIRES: kTextPadding bytes behind the text may be read.
  size_t read(std::string_view text, uint64_t offset, Batch& batch, RejectCounter& rejects);

 private:
  using Line = JsonBlock::Line;

  const JsonMarks& marks() const { return marker_.marks(); }  // of the text
  void begin_batch(size_t rows);
  void read_plainly(const Line& line);
  uint64_t not_utf8(uint64_t records);
  void read_block();
  void read_by_makes();
  bool read_one(size_t i, size_t row, uint64_t left, JsonTemplate* make);
  bool has_index(size_t i, uint64_t left);
  bool index(size_t from, size_t to);
  uint64_t take_values(const JsonTemplate& make, uint64_t records, const JsonSpans& spans);
  uint64_t take_value(size_t column, uint64_t records, const FieldSpan* spans);
  template <typename Number, typename Parse>
  uint64_t take_numbers(size_t column, uint64_t records, const FieldSpan* spans, Number* out,
                        Parse&& parse);
  uint64_t take_one_by_one(size_t column, uint64_t records, const FieldSpan* spans);
  bool extract(const Line& line, size_t row);
  void end_record(const Line& line, size_t row);
  void note_line(const Line& line, size_t row);
  void note_lines(uint64_t lines, size_t row);

  const JsonWanted wanted_;
  JsonColumns columns_;
  JsonWalker walker_;
  JsonExtractor extractor_;
  JsonMakes makes_;
  JsonMarker marker_;
  JsonOddLines odd_lines_;

  std::string_view text_;
  uint64_t offset_ = 0;  ///< of the text in the file
  Batch* batch_ = nullptr;
  RejectCounter* rejects_ = nullptr;
  size_t rows_ = 0;  ///< of the batch that are filled

  JsonBlock block_;
  size_t block_row_ = 0;             ///< of its first line, less the lines that were rejected
  uint64_t with_bad_escape_ = 0;     ///< lines of the block
  uint64_t apart_ = 0;               ///< lines of the block that need a way of their own
  bool is_utf8_ = false;             ///< the block is known to be
  bool can_be_indexed_ = true;       ///< several lines of the block at once, as far as is known
  size_t indexed_to_ = 0;            ///< lines before this one that are to come are indexed
  size_t index_begin_ = 0;           ///< where in the text that begins which is indexed
  const uint32_t* index_ = nullptr;  ///< its positions that are to come
};

}  // namespace shardmill
