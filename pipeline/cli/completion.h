// Scripts that let shells complete the command line, made of the declarations that parse it.
#pragma once

#include <string>
#include <vector>

#include "pipeline/cli/arguments.h"

namespace shardmill {

/// Names that values of the command line can have.
struct KnownNames {
  std::vector<std::string> stages;
  std::vector<std::string> expressions;
};

/// For bash 4 and later, without the package bash-completion. Offers commands, flags, names of
/// stages, job files and folders; where a value is any file, what bash offers by itself. Pure.
std::string bash_completion(const std::vector<CommandDescription>& commands,
                            const KnownNames& names);

/// For zsh with compinit: the same with descriptions. To be sourced, or put into a folder of
/// $fpath as "_shardmill". Pure.
std::string zsh_completion(const std::vector<CommandDescription>& commands,
                           const KnownNames& names);

}  // namespace shardmill
