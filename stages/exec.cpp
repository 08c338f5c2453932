#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "stages/support/exec_answers.h"

namespace shardmill {

namespace {

constexpr const char* kShell = "/bin/sh";

bool is_stream(const Options& options) {
  return options.text("mode") == "stream";
}

bool is_json(const Options& options) {
  return options.text("format") == "jsonl";
}

void add(Problems& problems, int line, std::string found, std::string expected, std::string fix) {
  problems.add(line, {.place = {},
                      .found = std::move(found),
                      .expected = std::move(expected),
                      .fix = std::move(fix)});
}

void check_command(const Options& options, Problems& problems) {
  const bool has_command = !options.list("command").empty();
  const bool has_shell = !options.text("shell").empty();
  if (has_command != has_shell) return;
  add(problems, options.stage_line,
      has_command ? "command and shell are given both" : "no program is named",
      "either command or shell", "write command = [\"tr\", \"a-z\", \"A-Z\"] for instance");
}

void check_fields_of_formats(const Options& options, Problems& problems) {
  const bool json = is_json(options);
  const auto belongs = [&](std::string_view field, bool to_json) {
    const bool given = options.has(field) && options.line(field) != options.stage_line;
    if (!given || json == to_json) return;
    add(problems, options.line(field),
        std::string(field) + " is of format \"" + (to_json ? "jsonl" : "lines") + "\"",
        "fields of format \"" + options.text("format") + "\"",
        to_json ? "set format = \"jsonl\"" : "leave it out");
  };
  for (const char* field : {"column", "into"}) belongs(field, false);
  for (const char* field : {"send", "columns", "types"}) belongs(field, true);
  if (json && options.list("columns").empty()) {
    add(problems, options.line("columns"), "columns is not given",
        "the names of the members that come back", "write columns = [\"score\"] for instance");
  }
}

void check_columns(const Options& options, Problems& problems) {
  const int line = options.line("columns");
  const std::vector<std::string>& columns = options.list("columns");
  std::set<std::string> seen;
  for (const std::string& name : columns) {
    if (name.empty() || name.front() == '$') {
      add(problems, line, "column " + quoted(name), "a name without $ at its start", {});
    } else if (!seen.insert(name).second) {
      add(problems, line, "column " + quoted(name) + " comes back twice", "every name once", {});
    }
  }
  for (const auto& [name, type] : options.map("types")) {
    const int types_line = options.line("types");
    if (!seen.contains(name)) {
      add(problems, types_line, "types names " + quoted(name) + ", which is none of columns",
          columns.empty() ? "a name of columns" : "one of " + listed(columns), {});
    }
    if (!type_from_name(type)) {
      add(problems, types_line, "type " + quoted(type) + " of " + quoted(name),
          "text, int, float, bool or time", {});
    }
  }
}

void check(const Options& options, Problems& problems) {
  check_command(options, problems);
  check_fields_of_formats(options, problems);
  check_columns(options, problems);
  for (const auto& [name, value] : options.map("environment")) {
    if (!name.empty() && name.find('=') == std::string::npos) continue;
    add(problems, options.line("environment"), "environment names " + quoted(name),
        "a name without \"=\"", {});
  }
}

Type type_of_column(const Options& options, std::string_view name) {
  for (const auto& [column, type] : options.map("types")) {
    if (column == name) return type_from_name(type).value_or(Type::kText);
  }
  return Type::kText;
}

/// The program would take itself for a rank of ours if it saw these.
bool is_of_launcher(std::string_view variable) {
  return variable.starts_with("OMPI_") || variable.starts_with("PMIX_") ||
         variable.starts_with("PMI_");
}

/// That of this process, without what tells ranks apart; texts are the same everywhere.
std::vector<std::string> make_environment(const TextMap& more) {
  TextMap set = {{"LC_ALL", "C.UTF-8"}};
  set.insert(set.end(), more.begin(), more.end());
  const auto is_set = [&](std::string_view name) {
    return name == "SHARDMILL_FILE" || std::any_of(set.begin(), set.end(), [&](const auto& item) {
             return item.first == name;
           });
  };
  std::vector<std::string> environment;
  for (char* const* variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!is_of_launcher(text) && !is_set(text.substr(0, text.find('=')))) {
      environment.emplace_back(text);
    }
  }
  for (auto at = set.begin(); at != set.end(); ++at) {
    const bool is_last =
        std::none_of(at + 1, set.end(), [&](const auto& item) { return item.first == at->first; });
    if (is_last) environment.push_back(at->first + "=" + at->second);
  }
  return environment;
}

std::optional<LineProgramSettings> find_command(const Options& options, Binder& binder) {
  LineProgramSettings program;
  const std::string& shell = options.text("shell");
  if (!shell.empty()) {
    program.arguments = {"sh", "-c", shell};
    program.name = shell;
    program.path = kShell;
  } else {
    program.arguments = options.list("command");
    program.name = program.arguments[0];
    program.path = find_program(program.name);
  }
  if (program.path.empty()) {
    const bool has_space = program.name.find(' ') != std::string::npos;
    binder.problem(
        options.line("command"),
        {.place = {},
         .found = "there is no program " + quoted(program.name),
         .expected = program.name.find('/') == std::string::npos ? "one of a folder of PATH"
                                                                 : "a file that may be executed",
         .fix = has_space ? "write each argument apart, or write shell = " + quoted(program.name)
                          : "install it on every host, or give its path"});
    return std::nullopt;
  }
  program.environment = make_environment(options.map("environment"));
  program.timeout = std::chrono::duration<double>(options.number("timeout"));
  program.line_bytes_max = static_cast<uint64_t>(options.integer("line_bytes_max"));
  program.output_bytes_max = static_cast<uint64_t>(options.integer("output_bytes_max"));
  return program;
}

/// The columns that are sent, marked as read; empty if one is not there.
std::vector<RowColumn> sent_columns(const Options& options, Binder& binder) {
  std::vector<RowColumn> sent;
  if (!is_json(options)) {
    const auto column = binder.use(options.text("column"), options.line("column"));
    if (column) sent.push_back({.name = options.text("column"), .ref = *column});
    return sent;
  }
  if (options.list("send").empty()) {
    for (const SchemaColumn& column : binder.schema().columns) {
      sent.push_back({.name = column.name, .ref = binder.use(column)});
    }
    return sent;
  }
  bool is_good = true;
  for (const std::string& name : options.list("send")) {
    const auto column = binder.use(name, options.line("send"));
    is_good = is_good && column;
    if (column) sent.push_back({.name = name, .ref = *column});
  }
  return is_good ? sent : std::vector<RowColumn>();
}

/// Makes the columns that come back; false after a problem.
bool make_answers(const Options& options, Binder& binder, std::vector<AnswerColumn>& answers) {
  if (is_stream(options)) binder.set_columns({});
  if (is_json(options)) {
    for (const std::string& name : options.list("columns")) {
      const auto made = binder.create(name, type_of_column(options, name), options.line("columns"),
                                      options.flag("replace"));
      if (!made) return false;
      answers.push_back({.name = name, .ref = *made});
    }
    return true;
  }
  const bool in_place = options.text("into").empty();
  const std::string& name = in_place ? options.text("column") : options.text("into");
  const auto made = binder.create(name, Type::kText, options.line(in_place ? "column" : "into"),
                                  in_place || options.flag("replace"));
  if (made) answers.push_back({.name = name, .ref = *made});
  return made.has_value();
}

class Exec final : public BoundStage {
 public:
  Exec(ExecSettings settings, bool streams, const SlotPlan& plan)
      : settings_(std::move(settings)), streams_(streams), plan_(plan) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return streams_ ? make_exec_stream_worker(settings_, plan_)
                    : make_exec_map_worker(settings_, plan_);
  }
  /// A long line, and records that wait for their answers.
  uint64_t worker_bytes() const override {
    constexpr uint64_t kWaitingBytes = 16 << 20;
    return settings_.program.line_bytes_max + kWaitingBytes;
  }

 private:
  ExecSettings settings_;
  bool streams_;
  const SlotPlan& plan_;
};

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  auto program = find_command(options, binder);
  const std::vector<RowColumn> sent = sent_columns(options, binder);
  std::vector<AnswerColumn> answers;
  const bool made = make_answers(options, binder, answers);
  if (!program || sent.empty() || !made) return nullptr;
  ExecSettings settings = {
      .program = std::move(*program),
      .is_json = is_json(options),
      .sent = RowText(is_json(options) ? RowFormat::kJsonl : RowFormat::kTxt, sent),
      .column = sent[0].ref,
      .column_name = sent[0].name,
      .answers = std::move(answers),
      .schema_slots = {},
      .stage = binder.stage()};
  for (const SchemaColumn& column : binder.schema().columns) {
    const bool is_answer =
        std::any_of(settings.answers.begin(), settings.answers.end(),
                    [&](const AnswerColumn& answer) { return answer.ref.slot == column.slot; });
    if (!is_answer) settings.schema_slots.push_back(column.slot);
  }
  binder.need_offsets();
  return std::make_unique<Exec>(std::move(settings), is_stream(options), binder.slots());
}

constexpr const char* kDoc =
    "The program reads records from its standard input and prints records to its standard output: "
    "as "
    "lines of one column, or as JSON lines.\n\n"
    "In `map` mode it prints one line for each that it reads, in their order, which is checked. "
    "The "
    "answer must depend on the line alone; then the result is the same on any layout. A process "
    "serves a file, or a range of a cut file, and may be followed by another. It may print late: "
    "records wait for it, 16 MiB of them and the answers to a chunk at most. A null is not sent as "
    "a "
    "line and stays null.\n\n"
    "In `stream` mode one process gets all records of a file, and the lines that it prints for "
    "this "
    "file take their place: fewer or more. Files are not cut in such jobs. `$offset` is where a "
    "line "
    "begins in what the program printed. The other columns are gone. An input that it does not "
    "read to "
    "its end is no error.\n\n"
    "A program that ends with another exit code than 0 or by a signal, prints too few or too many "
    "lines in `map` mode, too long ones, too much, or neither reads nor prints for `timeout`, "
    "makes "
    "the file bad like one that cannot be read (a range of it if the file was cut): `on_bad_file` "
    "decides, the reason with the last line of its standard error stands in files.tsv, and the "
    "rest "
    "of the run counts. A JSON line that cannot be understood rejects the record alone. All that "
    "the "
    "program started is killed with it, unless it left its process group.\n\n"
    "The program is run in the folder where shardmill is, with the environment of shardmill, "
    "except that "
    "LC_ALL is C.UTF-8, the variables of the MPI launcher are left out, and SHARDMILL_FILE is the "
    "path "
    "of the file. In job tests it is run for real.";

}  // namespace

StageSpec stage_exec() {
  return {
      .name = "exec",
      .kind = StageKind::kTransform,
      .summary = "send records through any program",
      .doc = kDoc,
      .fields =
          {{.name = "command",
            .kind = FieldKind::kTextList,
            .doc = "The program, looked for in PATH, and its arguments; no shell is involved."},
           {.name = "shell",
            .kind = FieldKind::kText,
            .doc = "Instead of `command`: a command line for `sh -c`. In a pipe only the last "
                   "program's exit code is seen."},
           {.name = "mode",
            .kind = FieldKind::kChoice,
            .doc = "`map`: a line for each line. `stream`: a process for each file prints what it "
                   "wants.",
            .default_text = "map",
            .choices = {"map", "stream"}},
           {.name = "format",
            .kind = FieldKind::kChoice,
            .doc = "`lines` of one column, or `jsonl`: an object of several columns on each line, "
                   "there and back.",
            .default_text = "lines",
            .choices = {"lines", "jsonl"}},
           {.name = "column",
            .kind = FieldKind::kColumn,
            .doc =
                "Lines: the column that is sent. A text with a newline in it rejects the record.",
            .default_text = "line"},
           {.name = "into",
            .kind = FieldKind::kText,
            .doc = "Lines: the text column that comes back; by default it takes the place of "
                   "`column`."},
           {.name = "send",
            .kind = FieldKind::kColumnList,
            .doc = "JSON lines: the columns that are sent; all by default. Fewer are faster."},
           {.name = "columns",
            .kind = FieldKind::kTextList,
            .doc = "JSON lines: the members that come back, each a column; others are ignored, "
                   "missing ones are null."},
           {.name = "types",
            .kind = FieldKind::kTextMap,
            .doc =
                "JSON lines: types of `columns`: text, int, float, bool or time; text where left "
                "out."},
           {.name = "replace",
            .kind = FieldKind::kBool,
            .doc = "A column that comes back takes the place of a column of the same name.",
            .default_text = "false"},
           {.name = "timeout",
            .kind = FieldKind::kSeconds,
            .doc = "Seconds that the program may neither read nor print before it is ended; more "
                   "lets slow programs think, and frozen ones hold a worker up for longer.",
            .default_text = "5min",
            .min = 0.01,
            .max = 1e7},
           {.name = "line_bytes_max",
            .kind = FieldKind::kBytes,
            .doc = "Bytes of the longest line that it may print: memory that a worker may need.",
            .default_text = "64MiB",
            .min = 1,
            .max = 2147483648.0},
           {.name = "output_bytes_max",
            .kind = FieldKind::kBytes,
            .doc = "Bytes that one process may print: what goes beyond is taken for noise.",
            .default_text = "64GiB",
            .min = 1,
            .max = 9.0e18},
           {.name = "environment",
            .kind = FieldKind::kTextMap,
            .doc = "Variables that the program sees besides those of shardmill."}},
      .drop_reasons = {{"consumed",
                        "stream mode: the record went into the program, which makes new ones"}},
      .counters = {{"bad_value",
                    "values that came back and are not of their column's type, which became null"}},
      .needs_whole_files_if = is_stream,
      .passes_late = true,
      .check = check,
      .bind = bind,
      .examples = {{.title = "Each line goes through `tr` and comes back.",
                    .input = {"alpha", "", "beta gamma"},
                    .stage = "command = ['tr', 'a-z', 'A-Z']",
                    .output = {"{ line = 'ALPHA' }", "{ line = '' }", "{ line = 'BETA GAMMA' }"}},
                   {.title = "One column of a table is sent, and a new one comes back.",
                    .input_format = "csv",
                    .input = {"id,path", "1,/usr/lib/x.so", "2,", "3,/etc/hosts"},
                    .stage = "command = ['sed', 's|.*/||']\ncolumn = 'path'\ninto = 'name'",
                    .output = {"{ id = 1, path = '/usr/lib/x.so', name = 'x.so' }", "{ id = 2 }",
                               "{ id = 3, path = '/etc/hosts', name = 'hosts' }"}},
                   {.title = "JSON lines carry several columns both ways.",
                    .input_format = "jsonl",
                    .input = {R"({"id":1,"size":20})", R"({"id":2,"size":7})"},
                    .stage = "shell = '''sed 's/\"size\":/\"bytes\":/' '''\nformat = 'jsonl'\n"
                             "columns = ['bytes']\ntypes = { bytes = 'int' }",
                    .output = {"{ id = 1, size = 20, bytes = 20 }",
                               "{ id = 2, size = 7, bytes = 7 }"}},
                   {.title =
                        "A process for each file sees all its records and prints what it wants.",
                    .input = {"b", "a", "b"},
                    .stage = "shell = 'sort | uniq'\nmode = 'stream'",
                    .output = {"{ line = 'a' }", "{ line = 'b' }"}}},
  };
}

}  // namespace shardmill
