// The records of one chunk as columns, with a selection.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/arena.h"
#include "pipeline/core/column.h"
#include "pipeline/core/uncut_lines.h"
#include "pipeline/core/unit.h"

namespace shardmill {

/// The rows of a batch that are still in, ascending. `all` avoids the list while nothing was
/// dropped.
struct Selection {
  bool all = true;
  std::vector<uint32_t> rows;  ///< in use if not `all`
};

/// The records of one chunk. Belongs to one worker; everything it shows is valid until the reader's
/// next chunk.
///
/// A column that no stage reads is never filled (the plan knows), and neither is `raw` unless a
/// stage asked for it when it was bound. A batch without any column has `rows`
/// and nothing else: that is all that counting needs.
struct Batch {
  size_t rows = 0;  ///< at most 2^32-1
  Selection selection;
  std::vector<Column> columns;  ///< by slot, for all stages of the pipeline
  /// The record's own bytes without its "\n", if asked for; a CR before it is kept, so that raw and
  /// "\n" are the record byte for byte.
  std::vector<std::string_view> raw;
  /// Byte offset of the record in the plain file, if a stage asked for it or the input rejected a
  /// record in this batch; else anything.
  std::vector<uint64_t> offsets;
  std::vector<uint32_t>
      sub_indices;  ///< which piece of the record after `split`; empty means 0 for all
  const FileSlice* slice = nullptr;  ///< where the records come from
  /// Not nullptr: the rows are these lines, and no column, `raw` or `offsets` is filled yet. Only
  /// for a first stage that takes them so (BoundStage::takes_uncut); it passes the batch on as it
  /// is, or fills what it keeps and sets this to nullptr.
  const UncutLines* uncut = nullptr;
  bool raw_is_canonical =
      false;    ///< the raw bytes are a record of the output dialect with the job's columns
  Arena arena;  ///< text made by the input or a stage for this batch

  size_t selected() const { return selection.all ? rows : selection.rows.size(); }

  /// Calls `visit(row)` for each selected row, ascending.
  template <typename Visit>
  void for_each_row(Visit&& visit) const {
    if (selection.all) {
      for (size_t row = 0; row < rows; ++row) visit(row);
    } else {
      for (const uint32_t row : selection.rows) visit(static_cast<size_t>(row));
    }
  }

  /// Keeps the selected rows for which `keep(row)` is true, without copying a value.
  template <typename Keep>
  void keep_rows(Keep&& keep) {
    std::vector<uint32_t>& kept = selection.rows;
    if (selection.all) {
      kept.resize(rows);
      size_t count = 0;
      for (size_t row = 0; row < rows; ++row) {
        kept[count] = static_cast<uint32_t>(row);
        count += keep(row) ? 1 : 0;
      }
      kept.resize(count);
      selection.all = count == rows;
      return;
    }
    size_t count = 0;
    for (const uint32_t row : kept) {
      const bool stays = keep(static_cast<size_t>(row));
      kept[count] = row;
      count += stays ? 1 : 0;
    }
    kept.resize(count);
  }

  /// Fills all that is wanted of the records, if that was left for later.
  void cut() {
    if (uncut != nullptr) std::exchange(uncut, nullptr)->cut(*this);
  }

  /// An empty batch that keeps its memory.
  void clear() {
    rows = 0;
    selection.all = true;
    selection.rows.clear();
    sub_indices.clear();
    raw_is_canonical = false;
    uncut = nullptr;
    arena.clear();
  }
};

}  // namespace shardmill
