#include "pipeline/core/sink.h"

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/core/binary_row.h"

namespace shardmill {

void merge_totals(std::span<const ColumnTotals> from, std::vector<ColumnTotals>& to) {
  if (to.size() < from.size()) to.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    to[i].nulls += from[i].nulls;
    to[i].longest_text = std::max(to[i].longest_text, from[i].longest_text);
  }
}

// By column: the rows of pipeline/run/sorted_part.h, their places, and the list of its runs. HDF5:
// rows, their values, and chunks before and after they are compressed; not at the same time.
uint64_t sink_memory_bytes(const OutputSpec& spec) {
  const uint64_t rows = spec.layout == OutputLayout::kByColumn ? 18 << 20 : 1 << 20;
  return spec.packing == OutputPacking::kHdf5 ? std::max(rows, 5 * kHdf5BlockBytes) : rows;
}

Status too_many_files(const OutputSpec& spec) {
  const bool by_column = spec.layout == OutputLayout::kByColumn;
  const std::string cause = by_column && spec.is_numbered() ? "values or parts"
                            : by_column                     ? "values"
                                                            : "parts";
  return Status::failed(
      Message{.place = "output " + quoted(spec.shown, 400),
              .found = "its " + cause + " make more files than allowed",
              .expected = "at most " + with_separators(spec.max_files) + " (max_files)",
              .fix = by_column ? "choose columns of fewer values, or raise max_files"
                               : "raise max_records or max_bytes, or max_files"}
          .text());
}

}  // namespace shardmill
