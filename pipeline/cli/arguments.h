// What stands on the command line. The only door to the library that reads flags.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/plan/job.h"

namespace shardmill {

enum class Command : uint8_t {
  kHelp,  ///< `Arguments::help` is to be printed and nothing else done
  kRun,
  kSubmit,
  kPlan,
  kTest,
  kCount,
  kGrep,
  kProfile,
  kStatus,
  kStop,
  kReport,
  kVerify,
  kDiff,
  kStages,
  kExpressions,
  kNew,
  kCompletion,
};

struct Arguments {
  Command command = Command::kHelp;
  std::string help;

  std::string target;                 ///< JOB.toml, RUN-DIR, or NAME; may be empty for stages
  std::string other;                  ///< diff: the second RUN-DIR
  size_t rows = 20;                   ///< diff: rows of a table that are shown
  std::string format = "text";        ///< report and diff: "text", "html", ...
  std::string table;                  ///< report: the name of the one to print; empty: the report
  std::vector<std::string> paths;     ///< count, grep, profile, new
  std::vector<std::string> columns;   ///< profile; empty: all
  std::vector<std::string> patterns;  ///< grep
  std::string patterns_from;          ///< grep: a file of patterns
  bool ignore_case = false;
  bool fixed = false;
  bool invert = false;
  bool no_words = false;
  bool markdown = false;
  std::string write_path;  ///< grep: of the lines; new: of the job file, "-" prints it
  bool force = false;      ///< new: replace a file
  bool json = false;       ///< status: for programs

  std::string run_dir;
  std::string replay;  ///< run: a file of mended records that are read in place of the files
  Settings settings;   ///< every --set, and --memory, --limit and --strict as settings of [run]
  unsigned threads = 0;
  bool quiet = false;
  bool fresh = false;
  bool strict = false;
  std::string trace;       ///< a file for what everybody did when; empty: none
  std::string time_limit;  ///< "auto" or a duration; empty: none

  // submit; what is 0 or empty is chosen
  unsigned nodes = 0;
  unsigned ranks_per_node = 0;
  std::string time;
  std::string partition;
  std::string account;
  std::string after;  ///< the job to wait for
  bool dry_run = false;
  std::vector<std::string> sbatch_words;  ///< further options of sbatch
};

/// A flag, or a word that stands by its place, as the parser knows it.
struct ArgumentDescription {
  std::vector<std::string> names;  ///< "-e", "--pattern"; of a word its name: "JOB.toml"
  std::string about;
  bool takes_value = false;  ///< always true of a word
  bool repeats = false;      ///< may be given several times
  std::string value;  ///< what the value is: "JOB.toml", "RUN-DIR", "DIR", "FILE", "UINT" ...
};

struct CommandDescription {
  std::string name;
  std::string about;
  std::vector<ArgumentDescription> flags;
  std::vector<ArgumentDescription> words;  ///< in order; the last may repeat
};

/// All commands, from the declarations that parse_arguments uses.
std::vector<CommandDescription> describe_commands();

/// `words` are the words after the program's name. kUsage with one line that says what to type
/// instead.
Result<Arguments> parse_arguments(std::vector<std::string> words);

}  // namespace shardmill
