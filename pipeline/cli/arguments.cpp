#include "pipeline/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "pipeline/base/text.h"
#include "pipeline/run/stop.h"

namespace shardmill {

namespace {

constexpr const char* kFirstSteps =
    R"(shardmill runs a pipeline of stages over very many files, on every core, and leaves a report.

First things to type:
  shardmill count FOLDER          lines and words of everything in a folder
  shardmill new FOLDER -o first   look at the files, write first.toml, a job file with comments
  shardmill run first.toml        run it; mpirun -n 8 shardmill run first.toml uses 8 processes

All commands:
  run JOB.toml       run a job, or do nothing if it is finished
  submit JOB.toml    run it under Slurm, from one time limit to the next until it is done
  plan JOB.toml      what would run: files, columns, stages, units
  test JOB.toml      run the job file's own tests
  count PATH...      files, bytes, lines and words
  grep PATTERN PATH...   lines that match, counted by file
  profile PATH...    what is in every column of any files
  status RUN-DIR     how far a run is, and how it goes on
  stop RUN-DIR       ask a run to end softly; the same command goes on
  report RUN-DIR     the report of a run
  verify RUN-DIR     whether a run's files and books are as it left them
  diff RUN-DIR RUN-DIR   what changed between two runs' results
  stages [NAME]      what stages there are, with options and examples
  expressions [NAME]   types, operators and functions of conditions and new columns
  completion SHELL   what bash or zsh needs to complete all of this with Tab
  new PATH...        write a job file for these files

shardmill COMMAND --help tells more.
)";

/// The library takes "[a]" apart as a list. A byte that no word begins with keeps it whole.
constexpr char kGuard = '\x01';

std::string guarded(const std::string& word) {
  return word.starts_with('[') || word.starts_with(kGuard) ? kGuard + word : word;
}

std::string plain(const std::string& word) {
  return word.starts_with(kGuard) ? word.substr(1) : word;
}

std::vector<std::string> plain(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) out.push_back(plain(word));
  return out;
}

/// The flags of one command and where their values go.
class Parser {
 public:
  Parser() : app_("", "shardmill") {
    app_.set_version_flag("--version", SHARDMILL_VERSION);
    app_.require_subcommand(0, 1);  // further words may be names of commands, like "stages count"
    add_run();
    add_submit();
    add_plan();
    add_test();
    add_count();
    add_grep();
    add_profile();
    add_status();
    add_stop();
    add_report();
    add_verify();
    add_diff();
    add_stages();
    add_expressions();
    add_new();
    add_completion();
  }

  std::vector<CommandDescription> describe() const {
    std::vector<CommandDescription> commands;
    for (const CLI::App* command : app_.get_subcommands({})) {
      CommandDescription& description = commands.emplace_back();
      description.name = command->get_name();
      description.about = command->get_description();
      for (const CLI::Option* option : command->get_options()) {
        if (option->get_positional()) {
          description.words.push_back(describe(*option));
        } else {
          description.flags.push_back(describe(*option));
        }
      }
    }
    return commands;
  }

  Result<Arguments> parse(const std::vector<std::string>& words) {
    if (words.empty()) return help(kFirstSteps);
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") return help(kFirstSteps);
    if (!words[0].starts_with('-')) RETURN_IF_ERROR(check_command(words[0]));
    std::vector<std::string> reversed;
    for (auto word = words.rbegin(); word != words.rend(); ++word) {
      reversed.push_back(guarded(*word));
    }
    try {
      app_.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
      return help(help_text());
    } catch (const CLI::CallForVersion&) {
      return help(std::string("shardmill ") + SHARDMILL_VERSION + "\n");
    } catch (const CLI::ParseError& error) {
      return refusal(words, error.what());
    }
    return finish();
  }

 private:
  static Arguments help(std::string text) {
    Arguments arguments;
    arguments.help = std::move(text);
    return arguments;
  }

  CLI::App* chosen() const {
    const auto chosen = app_.get_subcommands();
    return chosen.empty() ? nullptr : chosen[0];
  }

  std::string help_text() const {
    const CLI::App* command = chosen();
    return command == nullptr ? kFirstSteps : command->help("shardmill");
  }

  Status check_command(const std::string& word) const {
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands({})) names.push_back(command->get_name());
    if (std::find(names.begin(), names.end(), word) != names.end()) return {};
    const auto near = near_match(word, names);
    return Status::usage(Message{
        .place = "shardmill",
        .found = "there is no command " + shardmill::quoted(word),
        .expected = "one of " + listed(names, names.size()),
        .fix = near ? "did you mean \"shardmill " + *near + "\"?" : "type \"shardmill\" for help"}
                             .text());
  }

  /// The first long flag of `words` that the command does not have, with a near one.
  std::string near_flag(const std::vector<std::string>& words) const {
    const CLI::App* command = chosen();
    if (command == nullptr) return {};
    std::vector<std::string> known;
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    for (const std::string& word : words) {
      const std::string flag = word.substr(0, word.find('='));
      if (!flag.starts_with("--") || flag == "--") continue;
      if (std::find(known.begin(), known.end(), flag) != known.end()) continue;
      if (const auto near = near_match(flag, known))
        return "did you mean " + shardmill::quoted(*near) + "?";
    }
    return {};
  }

  Status refusal(const std::vector<std::string>& words, std::string what) const {
    what.erase(std::remove(what.begin(), what.end(), kGuard), what.end());
    std::replace(what.begin(), what.end(), '\n', ' ');
    const bool is_word = what.size() > 1 && what[1] >= 'a' && what[1] <= 'z';
    if (is_word) what[0] = ascii_lower(what)[0];
    const CLI::App* command = chosen();
    const std::string name = command == nullptr ? "shardmill" : "shardmill " + command->get_name();
    const std::string near = near_flag(words);
    return Status::usage(Message{.place = name,
                                 .found = escaped(what),
                                 .expected = {},
                                 .fix = near.empty() ? "see \"" + name + " --help\"" : near}
                             .text());
  }

  static ArgumentDescription describe(const CLI::Option& option) {
    ArgumentDescription description;
    for (const std::string& name : option.get_snames()) description.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) description.names.push_back("--" + name);
    if (option.get_positional()) description.names = {option.get_name(true)};
    description.about = option.get_description();
    description.takes_value = option.get_items_expected_max() > 0;
    description.repeats = option.get_items_expected_max() > 1;
    const std::string type = option.get_type_name();  // checks stand behind a colon
    description.value =
        option.get_positional() ? option.get_name(true) : type.substr(0, type.find(':'));
    return description;
  }

  CLI::App* add(Command command, const char* name, const char* about) {
    CLI::App* sub = app_.add_subcommand(name, about);
    sub->callback([this, command] { arguments_.command = command; });
    return sub;
  }

  void add_run_flags(CLI::App* sub) {
    sub->add_option("--run-dir", arguments_.run_dir, "folder for everything that the run leaves")
        ->type_name("DIR");
    sub->add_option("--threads", arguments_.threads,
                    "workers of a process; by default its share of the cores")
        ->check(CLI::Range(1u, 4096u));
    sub->add_option("--memory", memory_, "memory that a process may use, like 4GiB")
        ->type_name("SIZE");
    sub->add_option("--limit", limit_, "only the first N records");
    sub->add_option("--show", show_, "show the first N records behind every stage");
    sub->add_option("--time-limit", time_limit_,
                    "stop softly before this time is over, like 01:00:00, or auto for what Slurm "
                    "leaves; the same command goes on");
    sub->add_option("--trace", arguments_.trace,
                    "write what every process and worker did when to this file, for Perfetto or "
                    "chrome://tracing")
        ->type_name("FILE");
    sub->add_flag("--quiet", arguments_.quiet, "no progress and no report on the terminal");
    sub->add_flag("--fresh", arguments_.fresh, "start over in a run directory that is there");
    sub->add_flag("--strict", arguments_.strict, "exit with 10 if there was a bad file or record");
  }

  void add_set(CLI::App* sub) {
    sub->add_option("--set", sets_, "change the job: --set input.unit_bytes=1MiB --set stage.0.n=5")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
  }

  void add_run() {
    CLI::App* sub = add(Command::kRun, "run",
                        "Runs a job. The run directory is JOB.run beside where you stand. On a "
                        "finished one nothing is done.");
    sub->add_option("JOB.toml", arguments_.target, "the job file")->required();
    add_set(sub);
    sub->add_option("--replay", arguments_.replay,
                    "read the mended records of this bad_records.jsonl in place of the files, into "
                    "JOB.replay.run")
        ->type_name("FILE");
    add_run_flags(sub);
  }

  void add_submit() {
    CLI::App* sub = add(Command::kSubmit, "submit",
                        "Runs a job under Slurm: checks its plan, writes a batch script into the "
                        "run directory and hands it to sbatch. What a time limit ends, the same "
                        "job goes on with until it is done.");
    sub->add_option("JOB.toml", arguments_.target, "the job file")->required();
    sub->add_option("SBATCH-OPTION", arguments_.sbatch_words,
                    "further options of sbatch, behind --, like -- --qos=long");
    add_set(sub);
    sub->add_option("--run-dir", arguments_.run_dir, "folder for everything that the run leaves")
        ->type_name("DIR");
    const auto count = [&](const char* name, unsigned& value, const char* about) {
      sub->add_option(name, value, about)->check(CLI::Range(1u, 1'000'000u));
    };
    count("--nodes", arguments_.nodes, "nodes, 1 if nothing is said");
    count("--ranks-per-node", arguments_.ranks_per_node,
          "processes on a node, by default one for each socket");
    count("--threads", arguments_.threads, "workers of a process, by default its share of a node");
    sub->add_option("--time", arguments_.time, "the time limit, like 12:00:00 or 2-00:00:00")
        ->type_name("TIME");
    sub->add_option("--memory", memory_, "memory of a process, like 4GiB")->type_name("SIZE");
    sub->add_option("--partition", arguments_.partition, "where to run, by default the site's");
    sub->add_option("--account", arguments_.account, "on whose account");
    sub->add_option("--after", arguments_.after, "begin when this job has ended well")
        ->type_name("JOBID");
    sub->add_flag("--strict", arguments_.strict, "exit with 10 if there was a bad file or record");
    sub->add_flag("--dry-run", arguments_.dry_run, "print the script, change nothing");
  }

  void add_plan() {
    CLI::App* sub = add(Command::kPlan, "plan",
                        "Shows what would run: files, columns, stages, units. Reads samples only.");
    sub->add_option("JOB.toml", arguments_.target, "the job file")->required();
    add_set(sub);
    sub->add_option("--threads", arguments_.threads, "workers of a process");
  }

  void add_test() {
    CLI::App* sub = add(Command::kTest, "test", "Runs the [[test]] cases of a job file.");
    sub->add_option("JOB.toml", arguments_.target, "the job file")->required();
    add_set(sub);
  }

  void add_count() {
    CLI::App* sub = add(Command::kCount, "count",
                        "Counts files, bytes, lines and words; packed files unpacked.");
    sub->add_option("PATH", arguments_.paths, "files, folders, patterns")->required();
    sub->add_flag("--no-words", arguments_.no_words, "lines only, which is several times faster");
    add_run_flags(sub);
  }

  void add_grep() {
    CLI::App* sub = add(Command::kGrep, "grep",
                        "Counts the lines that match, by file. PATTERN is a PCRE2 pattern.");
    sub->add_option("PATTERN", pattern_, "what to look for");
    sub->add_option("PATH", arguments_.paths, "files, folders, patterns of paths");
    sub->add_option("-e,--pattern", arguments_.patterns,
                    "a pattern; several may be given, then all other words are paths")
        ->type_name("PATTERN")
        ->allow_extra_args(false);
    sub->add_option("-f,--patterns-from", arguments_.patterns_from,
                    "a file with a pattern on each line; then all other words are paths")
        ->type_name("FILE");
    sub->add_flag("-i,--ignore-case", arguments_.ignore_case, "both cases of letters are equal");
    sub->add_flag("-F,--fixed", arguments_.fixed, "patterns are plain text");
    sub->add_flag("-v,--invert", arguments_.invert, "lines that do not match");
    sub->add_option("--write", arguments_.write_path, "also write the lines to this file")
        ->type_name("FILE");
    add_run_flags(sub);
  }

  void add_profile() {
    CLI::App* sub = add(Command::kProfile, "profile",
                        "Shows what is in every column of any files: type, nulls, different "
                        "values, extremes, quantiles, frequent values, lengths.");
    sub->add_option("PATH", arguments_.paths, "files, folders, patterns")->required();
    sub->add_option("--columns", arguments_.columns, "only these, like --columns=id,price")
        ->type_name("NAME,...")
        ->delimiter(',')
        ->allow_extra_args(false);
    add_set(sub);
    add_run_flags(sub);
  }

  void add_status() {
    CLI::App* sub = add(Command::kStatus, "status",
                        "Shows how far a run is, at work or not, without disturbing it. Exits with "
                        "0 if it is at work or finished, with 75 if the same command goes on, with "
                        "3 if it failed.");
    sub->add_option("RUN-DIR", arguments_.target, "the run directory")->required();
    sub->add_flag("--json", arguments_.json, "for programs: one JSON object");
  }

  void add_stop() {
    CLI::App* sub = add(Command::kStop, "stop",
                        "Asks a run to stop softly, on whatever host it is at work: it writes down "
                        "what there is and ends within seconds.");
    sub->add_option("RUN-DIR", arguments_.target, "the run directory")->required();
  }

  void add_report() {
    CLI::App* sub = add(Command::kReport, "report",
                        "Prints the report of a run, or one of its tables with all rows.");
    sub->add_option("RUN-DIR", arguments_.target, "the run directory")->required();
    sub->add_option("--format", arguments_.format, "text, html, json, csv or markdown")
        ->type_name("FORMAT");
    sub->add_option("--table", arguments_.table, "only this table")->type_name("NAME");
  }

  void add_verify() {
    CLI::App* sub = add(Command::kVerify, "verify",
                        "Checks every file of a finished run against its checksums, and whether "
                        "its books balance. Exits with 3 if anything is wrong.");
    sub->add_option("RUN-DIR", arguments_.target, "the run directory")->required();
  }

  void add_diff() {
    CLI::App* sub = add(Command::kDiff, "diff",
                        "Shows what changed between the results of two finished runs: counts, "
                        "tables row by row, outputs. Exits with 0 if they are the same, with 10 "
                        "if they differ.");
    sub->add_option("RUN-DIR", arguments_.target, "the run directory of the first run")->required();
    sub->add_option("OTHER-RUN-DIR", arguments_.other, "the run directory of the second run")
        ->required();
    sub->add_option("--rows", arguments_.rows, "rows of a table, files and outputs that are shown");
    sub->add_option("--format", arguments_.format, "text or html")->type_name("text|html");
  }

  void add_stages() {
    CLI::App* sub = add(Command::kStages, "stages", "Lists the stages, or explains one.");
    sub->add_option("STAGE", arguments_.target, "a stage");
    sub->add_flag("--markdown", arguments_.markdown, "all of them, as in docs/stages.md");
  }

  void add_expressions() {
    CLI::App* sub = add(Command::kExpressions, "expressions",
                        "Lists what can be written in expressions, or explains one type, operator "
                        "or function.");
    sub->add_option("EXPRESSION", arguments_.target, "one of them, like substr or 'not in'");
    sub->add_flag("--markdown", arguments_.markdown, "all of them, as in docs/expressions.md");
  }

  void add_new() {
    CLI::App* sub = add(Command::kNew, "new",
                        "Looks at files and writes a job file for them, with comments, that runs. "
                        "Without a path it prints one to read; a word that is no file is the name "
                        "of one to start from.");
    sub->add_option("PATH", arguments_.paths, "files, folders, patterns; or a name for an example");
    sub->add_option("-o,--name", arguments_.write_path,
                    "the job file, by default named after the first path; - prints it")
        ->type_name("FILE");
    sub->add_flag("--force", arguments_.force, "replace a file that is there");
  }

  void add_completion() {
    CLI::App* sub = add(Command::kCompletion, "completion",
                        "Prints a script that completes commands, flags, stages and job files with "
                        "Tab. To use it: source <(shardmill completion bash), the same in zsh.");
    sub->add_option("SHELL", arguments_.target, "bash or zsh")->required();
  }

  Status read_settings() {
    for (const std::string& word : plain(sets_)) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos || equals == 0) {
        return Status::usage("shardmill: --set is " + shardmill::quoted(word) +
                             ", expected key=value; for instance --set input.unit_bytes=1MiB");
      }
      arguments_.settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    if (!memory_.empty()) arguments_.settings.emplace_back("run.memory", memory_);
    if (show_ > 0) arguments_.settings.emplace_back("run.show", std::to_string(show_));
    if (limit_ > 0) arguments_.settings.emplace_back("run.limit", std::to_string(limit_));
    if (arguments_.strict) arguments_.settings.emplace_back("run.strict", "true");
    return {};
  }

  Status read_patterns() {
    arguments_.patterns = plain(arguments_.patterns);
    arguments_.paths = plain(arguments_.paths);
    if (arguments_.command != Command::kGrep) return {};
    pattern_ = plain(pattern_);
    arguments_.patterns_from = plain(arguments_.patterns_from);
    if (arguments_.patterns.empty() && arguments_.patterns_from.empty()) {
      arguments_.patterns = {pattern_};
    } else if (!pattern_.empty()) {
      arguments_.paths.insert(arguments_.paths.begin(), pattern_);
    }
    const bool is_empty = !arguments_.patterns.empty() && arguments_.patterns[0].empty();
    if (!arguments_.paths.empty() && !is_empty) return {};
    return Status::usage(
        "shardmill grep: no pattern or no path is given, expected both; for instance \"shardmill "
        "grep ERROR logs\"");
  }

  Status check_format() {
    arguments_.format = plain(arguments_.format);
    const bool is_diff = arguments_.command == Command::kDiff;
    const std::vector<std::string> formats =
        is_diff ? std::vector<std::string>{"text", "html"}
                : std::vector<std::string>{"text", "html", "json", "csv", "markdown"};
    const std::string place = is_diff ? "shardmill diff: --format" : "shardmill report: --format";
    if (std::find(formats.begin(), formats.end(), arguments_.format) == formats.end()) {
      const auto near = near_match(arguments_.format, formats);
      return Status::usage(place + " is " + shardmill::quoted(arguments_.format) +
                           ", expected one of " + listed(formats) +
                           (near ? "; did you mean " + shardmill::quoted(*near) + "?" : ""));
    }
    if (arguments_.table.empty() || arguments_.format != "html") return {};
    return Status::usage(place +
                         " html is the whole report, expected no --table; choose text, json, csv "
                         "or markdown for one table");
  }

  Result<Arguments> finish() {
    if (chosen() == nullptr) return help(kFirstSteps);
    arguments_.target = plain(arguments_.target);
    arguments_.other = plain(arguments_.other);
    arguments_.run_dir = plain(arguments_.run_dir);
    arguments_.replay = plain(arguments_.replay);
    arguments_.trace = plain(arguments_.trace);
    arguments_.columns = plain(arguments_.columns);
    arguments_.write_path = plain(arguments_.write_path);
    RETURN_IF_ERROR(read_settings());
    if (!time_limit_.empty()) {
      arguments_.time_limit = plain(time_limit_);
      RETURN_IF_ERROR(check_time_limit(arguments_.time_limit));
    }
    for (std::string* word :
         {&arguments_.time, &arguments_.partition, &arguments_.account, &arguments_.after}) {
      *word = plain(*word);
    }
    arguments_.sbatch_words = plain(arguments_.sbatch_words);
    RETURN_IF_ERROR(read_patterns());
    arguments_.table = plain(arguments_.table);
    RETURN_IF_ERROR(check_format());
    return arguments_;
  }

  CLI::App app_;
  Arguments arguments_;
  std::vector<std::string> sets_;
  std::string memory_;
  std::string time_limit_;
  std::string pattern_;
  uint64_t limit_ = 0;
  uint64_t show_ = 0;
};

}  // namespace

std::vector<CommandDescription> describe_commands() {
  return Parser().describe();
}

Result<Arguments> parse_arguments(std::vector<std::string> words) {
  return Parser().parse(words);
}

}  // namespace shardmill
