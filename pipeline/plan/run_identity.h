// What makes two attempts attempts of one run. Checkpoints of one attempt count in another only if
// both have the same identity; where they differ, the user is told in which place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/plan/plan.h"

namespace shardmill {

/// Everything that results depend on: the job without what only says how to run or to report it
/// (memory, threads, chunk sizes, limits on rejects), the schema, the small files that stages read,
/// the manifest and the version of the program. The same on any layout.
uint64_t run_identity(const Plan& plan);

/// The first differences between two jobs as far as results depend on them, for people:
/// `stage.1.where is "a > 2", was "a > 1"`; empty if there are none. Both are TOML texts.
std::string job_change(std::string_view now, std::string_view before);

/// The same for manifests, as manifest_tsv writes them: `2 files are new ("a", "b")`.
std::string manifest_change(std::string_view now, std::string_view before);

/// A file that has only grown since the first attempt counts up to its size of then: gives it that
/// size and time. Files that were replaced, shrank or are new stay as they are.
/// `before`: what manifest_tsv wrote.
void keep_first_sizes(Manifest& manifest, std::string_view before);

/// One line a file: path (escaped), size, mtime; the first line names the columns.
std::string manifest_tsv(const Manifest& manifest);

}  // namespace shardmill
