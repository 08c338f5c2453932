// What there is, from the declarations of stages and inputs. Pure functions of the registry.
#pragma once

#include <string>

#include "pipeline/core/stage.h"

namespace shardmill {

/// One line for each stage, by kind: for the terminal.
std::string stages_list();
/// Everything about one stage: options, drop reasons, examples. Markdown.
std::string stage_page(const StageSpec& spec);
/// The whole of docs/stages.md.
std::string stages_markdown();

/// The job that an example of a stage shows, as TOML, with the example as its [[test]].
std::string example_job(const StageSpec& spec, const StageExample& example);

}  // namespace shardmill
