// The options of a write stage: what they mean together, and what is wrong with them. Pure
// functions of the options; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/message.h"
#include "pipeline/core/options.h"
#include "pipeline/core/sink.h"
#include "stages/support/output_path.h"
#include "stages/support/row_text.h"

namespace shardmill {

/// A path as it asks for a format.
struct WriteTarget {
  RowFormat format = RowFormat::kJsonl;  ///< unless the packing is kHdf5
  OutputPacking packing = OutputPacking::kPlain;
  std::string extension;  ///< ".jsonl.gz"
  std::string stem;       ///< the path before it
};

/// Nothing if the extension asks for no format.
std::optional<WriteTarget> write_target(std::string_view path);
Message unknown_extension(const std::string& path);

bool is_per_input(const Options& options);

/// The path where columns or a number have a place in it; nothing and `problem` filled in if it
/// means nothing. REQUIRES: not per input.
std::optional<OutputPath> output_path_of(const Options& options, const WriteTarget& target,
                                         Message& problem);

/// Adds each mistake that can be seen without the columns.
void check_write_options(const Options& options, Problems& problems);

/// All that the options say of the output, but for columns in the path and those of an HDF5 file.
/// REQUIRES: check_write_options found nothing.
OutputSpec write_output(const Options& options, const WriteTarget& target, std::string header);

}  // namespace shardmill
