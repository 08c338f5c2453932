// The small files that stages read whole (FieldKind::kFile): read once, on rank 0, so that every
// rank works with what they held at the start of the run, whatever its host sees. Their content
// travels in the PlanMessage, and with it is part of what makes two runs the same.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plan/job.h"

namespace shardmill {

using SideFile = std::shared_ptr<const std::string>;

/// Reads the files that the job's stages name into their options, uncompressed. Like those of
/// [input], paths start from the folder where the command is given. A path in `given` is not read:
/// it has the content that stands there. Problems: a file that cannot be read or holds more than
/// its stage allows; a path in `given` that no stage names.
void read_side_files(Job& job, Problems& problems, const TestFiles& given = {});

/// The contents in the order of stages and fields, for the other ranks.
std::vector<SideFile> side_files(const Job& job);
/// The paths of the same files.
std::vector<std::string> side_file_paths(const Job& job);
/// Gives the same job on another rank what side_files returned; false if they are not as many as
/// the job has.
bool give_side_files(Job& job, const std::vector<SideFile>& files);

}  // namespace shardmill
