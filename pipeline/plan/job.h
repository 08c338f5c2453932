// The job file: what the user asks for, checked on its own (no file of the input is looked at).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/input.h"
#include "pipeline/core/options.h"
#include "pipeline/core/stage.h"

namespace shardmill {

struct TomlNode;

/// `--set key=value`: "input.unit_bytes=1MiB", "stage.0.k=5", "run.memory=1GiB".
using Settings = std::vector<std::pair<std::string, std::string>>;

struct JobStage {
  const StageSpec* spec = nullptr;
  std::string
      name;  ///< the `name` of its tables; by default the stage's own name; unique in the job
  Options options;
};

/// Contents to take for files that stages read, by the path that the job gives.
using TestFiles = std::vector<std::pair<std::string, std::string>>;

/// A [[test]] of the job file. Values are kept as TOML text for comparing.
struct JobTest {
  std::string name;
  int line = 0;
  std::vector<std::string> input;  ///< lines of one file
  TestFiles files;
  std::vector<std::string> output;  ///< expected records as canonical JSON objects
  bool has_output = false;
  std::vector<std::pair<std::string, std::string>>
      tables;  ///< table name -> expected rows as canonical JSON
};

/// What `[input]` says for every format. The format's own fields are in `format_options`.
struct JobInput {
  std::vector<std::string> paths;
  std::string files_from;  ///< a file with one path a line, or NUL-separated
  std::vector<std::string> exclude;
  std::string format_name;  ///< "lines", "csv", "tsv", ...; empty: to be chosen by the files
  const InputSpec* format = nullptr;  ///< nullptr until the format is known, see set_format
  Options format_options;             ///< valid once the format is known
  uint64_t unit_bytes = 64ull << 20;  ///< 0: whole files
  bool unit_bytes_given = false;      ///< false: smaller when there is little to read
  uint64_t bundle_files = 1024;
  ReadLimits limits;
  int line = 0;                           ///< where `paths` or `files_from` stands
  std::shared_ptr<const TomlNode> table;  ///< [input] as given, for set_format
};

/// What `[run]` says.
struct JobRun {
  uint64_t memory_bytes = 0;             ///< per rank; 0: unlimited share of what the rank may use
  unsigned threads = 0;                  ///< per rank; 0: the cores that the rank may use
  std::string on_bad_file = "skip";      ///< "skip" | "keep_prefix" | "stop"
  std::string on_bad_record = "reject";  ///< "reject" | "stop"
  std::string max_rejects;               ///< "1000" or "0.1%"; empty: no limit
  bool strict = false;
  uint64_t seed = 0;
  uint64_t limit_records = 0;  ///< --limit; 0: all
  uint64_t rejects_kept = 1000;
  uint64_t reject_bytes_kept = 4096;  ///< of a rejected record
  uint64_t drop_examples = 5;         ///< for each drop reason of each stage
  uint64_t show = 0;                  ///< --show; records to show behind each stage
  uint64_t rows_in_report = 1000;
  double stall_warning_seconds = 300;
  double checkpoint_seconds = 30;
};

struct Job {
  std::string name;
  std::string place;  ///< the job file's path, for messages
  std::string text;  ///< the job as TOML with every --set applied: the same text gives the same job
  JobInput input;
  JobRun run;
  std::vector<JobStage> stages;
  std::vector<JobTest> tests;
  Settings settings;  ///< as given, for messages
};

/// Parses and checks a job. All mistakes are reported in `problems` at once, with lines; the job is
/// only to be used if there are none. `place` is for messages. Deterministic: every rank parses the
/// same text.
Job parse_job(std::string_view text, std::string_view place, const Settings& settings,
              Problems& problems);

/// Chooses the format of a job that names none ("csv", "tsv", ...), checking the format's own
/// fields. Problems carry the lines of [input]. REQUIRES: `name` is one of format_names().
void set_format(Job& job, std::string_view name, Problems& problems);

/// Every format that `[input] format` takes: the inputs of the registry, and "tsv".
std::vector<std::string> format_names();
/// The format of files with this extension (without dot and without compression), or "".
std::string format_of_extension(std::string_view extension);
/// The extension that names the format of `path`, in lower case: "csv" for "a/B.CSV.gz".
std::string format_extension(std::string_view path);
/// The format for a job whose files may not exist: by the extensions in `paths`, else "lines".
std::string guess_format(const std::vector<std::string>& paths);

/// The fields that every job may give, declared once for checking and documentation.
const std::vector<FieldSpec>& input_fields();
const std::vector<FieldSpec>& run_fields();
const std::vector<FieldSpec>& stage_fields();
const std::vector<FieldSpec>& test_fields();

/// Copies `from` to `to`; problems of a --set get its key as place.
void add_problems(const Problems& from, const Settings& settings, Problems& to);

/// One message a line: `job.toml:12: unknown key "pth", expected ...; did you mean "path"?`,
/// ordered by line.
std::string problems_text(std::string_view place, const Problems& problems);

}  // namespace shardmill
