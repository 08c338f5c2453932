#include "pipeline/plan/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "pipeline/base/text.h"
#include "pipeline/core/registry.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/fields.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {

namespace {

constexpr std::string_view kTabs = "tsv";  ///< csv with another delimiter

const InputSpec* spec_of_format(std::string_view name) {
  return find_input(name == kTabs ? "csv" : name);
}

std::vector<const FieldSpec*> pointers(const std::vector<FieldSpec>& fields) {
  std::vector<const FieldSpec*> list;
  for (const FieldSpec& field : fields) list.push_back(&field);
  return list;
}

/// The fields of all formats, each name once, none of them required: for jobs whose format is not
/// known yet.
const std::vector<FieldSpec>& any_format_fields() {
  static const std::vector<FieldSpec> all = [] {
    std::vector<FieldSpec> fields;
    std::set<std::string> seen;
    for (const InputSpec& input : all_inputs()) {
      for (const FieldSpec& field : input.fields) {
        if (!seen.insert(field.name).second) continue;
        fields.push_back(field);
        fields.back().required = false;
      }
    }
    return fields;
  }();
  return all;
}

FieldTable input_table(const std::vector<FieldSpec>& format_fields, std::string_view format) {
  FieldTable table = {
      .label = "[input]", .fields = pointers(input_fields()), .help = "docs/job-file.md"};
  if (!format.empty()) table.label += " with format " + quoted(format);
  for (const FieldSpec& field : format_fields) table.fields.push_back(&field);
  return table;
}

/// "1000" or "0.1%".
bool is_reject_limit(std::string_view text) {
  double value = 0;
  int64_t whole = 0;
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    return parse_float(trimmed(text), value) && value >= 0 && value <= 100;
  }
  return parse_int(text, whole) && whole >= 0;
}

class JobParser {
 public:
  JobParser(TomlNode& root, Job& job, Problems& problems)
      : root_(root), job_(job), problems_(problems) {}

  void parse() {
    check_keys();
    parse_name();
    parse_input();
    parse_run();
    parse_stages();
    parse_tests();
  }

 private:
  static constexpr std::string_view kTopLevel[] = {"name", "input", "run", "stage", "test"};

  void problem(int line, std::string found, std::string expected, std::string fix) {
    problems_.add(line, {.place = {},
                         .found = std::move(found),
                         .expected = std::move(expected),
                         .fix = std::move(fix)});
  }

  void check_keys() {
    const std::vector<std::string> known(std::begin(kTopLevel), std::end(kTopLevel));
    for (const TomlEntry& entry : root_.entries) {
      if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
      const auto near = near_match(entry.key, known);
      problem(entry.line, "unknown key " + quoted(entry.key), "one of " + listed(known),
              near ? "did you mean " + quoted(*near) + "?" : "see \"docs/job-file.md\"");
    }
  }

  void parse_name() {
    TomlNode* name = root_.find("name");
    if (name == nullptr) return;
    if (name->from_setting && !name->text.empty()) name->kind = TomlKind::kText;
    if (name->kind == TomlKind::kText) {
      job_.name = name->text;
    } else {
      problem(name->line, "name is " + std::string(toml_kind_name(name->kind)), "a text",
              "put it in quotes");
    }
  }

  /// The table `key`, nullptr if it is not there or no table (then with a problem).
  TomlNode* table(std::string_view key) {
    TomlNode* node = root_.find(key);
    if (node == nullptr || node->kind == TomlKind::kTable) return node;
    problem(node->line, fmt::format("{} is {}", key, toml_kind_name(node->kind)), "a table",
            fmt::format("write [{}] on a line of its own, in single brackets, once", key));
    return nullptr;
  }

  /// The tables `[[key]]`; empty after a problem or if there are none.
  std::vector<TomlNode*> tables(std::string_view key) {
    TomlNode* node = root_.find(key);
    std::vector<TomlNode*> list;
    if (node == nullptr) return list;
    if (node->kind != TomlKind::kArray) {
      problem(node->line, fmt::format("{} is {}", key, toml_kind_name(node->kind)),
              "a list of tables", fmt::format("write [[{}]] with two brackets", key));
      return list;
    }
    for (TomlNode& item : node->items) {
      if (item.kind == TomlKind::kTable) {
        list.push_back(&item);
      } else {
        problem(item.line, fmt::format("{} holds {}", key, toml_kind_name(item.kind)),
                "tables only", fmt::format("write [[{}]] above each", key));
      }
    }
    return list;
  }

  void parse_input() {
    if (root_.find("input") == nullptr) {
      problem(0, "there is no [input]", "the files to read",
              "add [input] with paths = [\"data/*.csv\"]");
      return;
    }
    TomlNode* input = table("input");
    if (input == nullptr) return;
    job_.input.line = input->line;
    const TomlNode* format = input->find("format");
    const bool known = format != nullptr && format->kind == TomlKind::kText &&
                       spec_of_format(format->text) != nullptr;
    const size_t before = problems_.list().size();
    Problems ignored;  // of a known format; set_format reports them
    const Options options =
        check_fields(*input, input_table(any_format_fields(), ""), known ? ignored : problems_);
    read_input(options);
    require_paths(options, *input);
    job_.input.table = std::make_shared<const TomlNode>(*input);
    if (known) {
      set_format(job_, format->text, problems_);
    } else if (problems_.list().size() == before) {
      job_.input.format_options = options;
    }
  }

  void read_input(const Options& options) {
    JobInput& input = job_.input;
    input.paths = options.list("paths");
    input.files_from = options.text("files_from");
    input.exclude = options.list("exclude");
    if (options.has("paths")) input.line = options.line("paths");
    if (options.has("files_from")) input.line = options.line("files_from");
    input.unit_bytes_given = options.has("unit_bytes");
    if (input.unit_bytes_given) input.unit_bytes = size(options, "unit_bytes");
    input.bundle_files = size(options, "bundle_files");
    input.limits.chunk_bytes = size(options, "chunk_bytes");
    input.limits.record_bytes_max = size(options, "record_bytes_max");
    input.limits.window_bytes_max = size(options, "window_bytes_max");
    input.limits.expansion_max = size(options, "expansion_max");
  }

  void require_paths(const Options& options, const TomlNode& input) {
    const bool named = input.find("paths") != nullptr || input.find("files_from") != nullptr;
    const bool empty_list = options.has("paths") && options.list("paths").empty();
    if (named && !(empty_list && !options.has("files_from"))) return;
    problem(job_.input.line, named ? "paths is an empty list" : "[input] names no files",
            "paths or files_from", "write paths = [\"data/*.csv\"]");
  }

  static uint64_t size(const Options& options, std::string_view name) {
    return static_cast<uint64_t>(options.integer(name));
  }

  void parse_run() {
    TomlNode none;
    TomlNode* run = table("run");
    const Options options = check_fields(
        run == nullptr ? none : *run,
        {.label = "[run]", .fields = pointers(run_fields()), .help = "docs/job-file.md"},
        problems_);
    JobRun& to = job_.run;
    to.memory_bytes = size(options, "memory");
    to.threads = static_cast<unsigned>(options.integer("threads"));
    to.on_bad_file = options.text("on_bad_file");
    to.on_bad_record = options.text("on_bad_record");
    to.max_rejects = options.text("max_rejects");
    to.strict = options.flag("strict");
    to.seed = size(options, "seed");
    to.limit_records = size(options, "limit");
    to.rejects_kept = size(options, "rejects_kept");
    to.reject_bytes_kept = size(options, "reject_bytes_kept");
    job_.input.limits.reject_bytes_kept = to.reject_bytes_kept;
    to.drop_examples = size(options, "drop_examples");
    to.show = size(options, "show");
    to.rows_in_report = size(options, "rows_in_report");
    to.stall_warning_seconds = options.number("stall_warning");
    to.checkpoint_seconds = options.number("checkpoint");
    if (!to.max_rejects.empty() && !is_reject_limit(to.max_rejects)) {
      problem(options.line("max_rejects"), "max_rejects is " + quoted(to.max_rejects),
              "a number like \"1000\" or a share like \"0.1%\"", "write the number in quotes");
    }
  }

  void parse_stages() {
    const bool given = root_.find("stage") != nullptr;
    for (TomlNode* stage : tables("stage")) parse_stage(*stage);
    if (!given) {
      problem(0, "there is no [[stage]]", "at least one",
              "add [[stage]] with use = \"count\"; \"shardmill stages\" lists them");
    }
    check_names();
    name_stages();
  }

  void parse_stage(TomlNode& table) {
    const TomlNode* use = table.find("use");
    const StageSpec* spec =
        use != nullptr && use->kind == TomlKind::kText ? find_stage(use->text) : nullptr;
    if (spec == nullptr) return no_such_stage(table, use);
    FieldTable fields = {.label = "stage " + quoted(spec->name),
                         .fields = pointers(stage_fields()),
                         .help = "shardmill stages " + spec->name};
    for (const FieldSpec& field : spec->fields) fields.fields.push_back(&field);
    const size_t before = problems_.list().size();
    JobStage stage = {.spec = spec, .name = {}, .options = check_fields(table, fields, problems_)};
    stage.name = stage.options.text("name");
    give_seed(stage, table);
    // A stage only checks options that are there with their declared kinds.
    if (spec->check != nullptr && problems_.list().size() == before) {
      spec->check(stage.options, problems_);
    }
    job_.stages.push_back(std::move(stage));
  }

  /// The seed of the run is that of every stage which has one and was not given another.
  void give_seed(JobStage& stage, const TomlNode& table) const {
    const bool has_seed = std::any_of(stage.spec->fields.begin(), stage.spec->fields.end(),
                                      [](const FieldSpec& field) { return field.name == "seed"; });
    if (!has_seed || table.find("seed") != nullptr) return;
    stage.options.set("seed", static_cast<int64_t>(job_.run.seed), 0);
  }

  void no_such_stage(const TomlNode& table, const TomlNode* use) {
    std::vector<std::string> names;
    for (const StageSpec& spec : all_stages()) names.push_back(spec.name);
    if (use == nullptr) {
      return problem(table.line, "[[stage]] has no \"use\"", "use = one of " + listed(names, 40),
                     "see \"shardmill stages\"");
    }
    const auto near = near_match(use->text, names);
    problem(use->line,
            use->kind == TomlKind::kText ? "there is no stage " + quoted(use->text)
                                         : "use is " + std::string(toml_kind_name(use->kind)),
            "one of " + listed(names, 40),
            near ? "did you mean " + quoted(*near) + "?" : "see \"shardmill stages\"");
  }

  void check_names() {
    std::set<std::string> seen;
    for (const JobStage& stage : job_.stages) {
      if (stage.name.empty() || seen.insert(stage.name).second) continue;
      problem(stage.options.line("name"), "a second stage has the name " + quoted(stage.name),
              "a name of its own", "choose another name");
    }
  }

  /// Stages without a name are called like the stage: "group", "group 2".
  void name_stages() {
    std::set<std::string> taken;
    for (const JobStage& stage : job_.stages) taken.insert(stage.name);
    for (JobStage& stage : job_.stages) {
      if (!stage.name.empty()) continue;
      stage.name = stage.spec->name;
      for (int number = 2; !taken.insert(stage.name).second; ++number) {
        stage.name = fmt::format("{} {}", stage.spec->name, number);
      }
    }
  }

  void parse_tests() {
    for (TomlNode* test : tables("test")) parse_test(*test);
  }

  void parse_test(TomlNode& table) {
    JobTest test;
    test.name = fmt::format("test {}", job_.tests.size() + 1);
    test.line = table.line;
    // These have no declared kind, so they are taken out before the fields are checked.
    TomlNode plain = table;
    std::erase_if(plain.entries, [](const TomlEntry& entry) {
      return entry.key == "output" || entry.key == "tables" || entry.key == "files";
    });
    const Options options = check_fields(
        plain, {.label = "[[test]]", .fields = pointers(test_fields()), .help = "docs/job-file.md"},
        problems_);
    if (options.has("name")) test.name = options.text("name");
    test.input = options.list("input");
    read_files(table, test);
    read_output(table, test);
    read_tables(table, test);
    if (!test.has_output && test.tables.empty()) {
      problem(table.line, "[[test]] expects nothing", "output or tables",
              "add output = [{ column = \"value\" }]");
    }
    job_.tests.push_back(std::move(test));
  }

  void read_files(const TomlNode& table, JobTest& test) {
    const TomlNode* files = table.find("files");
    if (files == nullptr) return;
    const std::string fix = "write files = { \"the path in the stage\" = [\"a line\"] }";
    if (files->kind != TomlKind::kTable) {
      return problem(files->line, "files is " + std::string(toml_kind_name(files->kind)),
                     "a table of lists of lines", fix);
    }
    for (const TomlEntry& entry : files->entries) {
      if (auto content = content_of(entry.value)) {
        test.files.emplace_back(entry.key, std::move(*content));
      } else {
        problem(entry.line, "files." + quoted(entry.key) + " is no list of texts", "its lines",
                fix);
      }
    }
  }

  /// Lines, or the whole text.
  static std::optional<std::string> content_of(const TomlNode& node) {
    if (node.kind == TomlKind::kText) return node.text;
    if (node.kind != TomlKind::kArray) return std::nullopt;
    std::string content;
    for (const TomlNode& line : node.items) {
      if (line.kind != TomlKind::kText) return std::nullopt;
      content += line.text + "\n";
    }
    return content;
  }

  void read_output(const TomlNode& table, JobTest& test) {
    const TomlNode* output = table.find("output");
    if (output == nullptr) return;
    test.has_output = true;
    const bool records =
        output->kind == TomlKind::kArray &&
        std::all_of(output->items.begin(), output->items.end(),
                    [](const TomlNode& item) { return item.kind == TomlKind::kTable; });
    if (!records) {
      return problem(output->line, "output is " + std::string(toml_kind_name(output->kind)),
                     "a list of records", "write output = [{ column = \"value\" }]");
    }
    for (TomlNode record : output->items) {
      // A null may be left out or written {}.
      std::erase_if(record.entries, [](const TomlEntry& entry) {
        return entry.value.kind == TomlKind::kTable && entry.value.entries.empty();
      });
      test.output.push_back(record.entries.empty() ? "{}" : toml_json(record));
    }
  }

  void read_tables(const TomlNode& table, JobTest& test) {
    const TomlNode* expected = table.find("tables");
    if (expected == nullptr) return;
    const std::string fix = "write tables = { \"name of the stage\" = [[\"a\", 1]] }";
    if (expected->kind != TomlKind::kTable) {
      return problem(expected->line, "tables is " + std::string(toml_kind_name(expected->kind)),
                     "a table of lists", fix);
    }
    for (const TomlEntry& entry : expected->entries) {
      if (entry.value.kind == TomlKind::kArray) {
        test.tables.emplace_back(entry.key, toml_json(entry.value));
      } else {
        problem(entry.line,
                fmt::format("tables.{} is {}", entry.key, toml_kind_name(entry.value.kind)),
                "a list of rows", fix);
      }
    }
  }

  TomlNode& root_;
  Job& job_;
  Problems& problems_;
};

std::string stem(std::string_view place) {
  const size_t slash = place.rfind('/');
  if (slash != std::string_view::npos) place.remove_prefix(slash + 1);
  if (place.ends_with(".toml")) place.remove_suffix(5);
  return std::string(place);
}

std::string problem_place(std::string_view place, int line) {
  if (line > 0) return fmt::format("{}:{}", escaped(place), line);
  if (line < 0) return fmt::format("{} (--set number {})", escaped(place), -line);
  return escaped(place);
}

}  // namespace

Job parse_job(std::string_view text, std::string_view place, const Settings& settings,
              Problems& problems) {
  Job job;
  job.name = stem(place);
  job.place = place;
  job.settings = settings;
  Problems found;
  TomlNode root = parse_toml(text, place, found);
  if (found.empty()) {
    apply_settings(root, settings, found);
    JobParser(root, job, found).parse();
    job.text = toml_text(root);
  }
  add_problems(found, settings, problems);
  return job;
}

void set_format(Job& job, std::string_view name, Problems& problems) {
  const InputSpec* spec = spec_of_format(name);
  TomlNode table = *job.input.table;
  if (name == kTabs && table.find("delimiter") == nullptr) {
    TomlNode tab;
    tab.kind = TomlKind::kText;
    tab.text = "\t";
    table.entries.push_back({.key = "delimiter", .line = table.line, .value = std::move(tab)});
  }
  const size_t before = problems.list().size();
  Options options = check_fields(table, input_table(spec->fields, name), problems);
  if (spec->check != nullptr && problems.list().size() == before) spec->check(options, problems);
  job.input.format_name = name;
  job.input.format = spec;
  job.input.format_options = std::move(options);
}

std::string format_of_extension(std::string_view extension) {
  for (const InputSpec& input : all_inputs()) {
    const auto& known = input.extensions;
    if (std::find(known.begin(), known.end(), extension) != known.end()) return input.name;
  }
  return {};
}

std::string format_extension(std::string_view path) {
  constexpr std::string_view kPacked[] = {"gz", "zst", "bz2", "xz", "lz4", "bgz"};
  const size_t slash = path.rfind('/');
  std::string name = ascii_lower(slash == std::string_view::npos ? path : path.substr(slash + 1));
  for (int round = 0; round < 2; ++round) {
    const size_t dot = name.rfind('.');
    if (dot == std::string::npos || dot == 0) return {};
    const std::string extension = name.substr(dot + 1);
    if (std::find(std::begin(kPacked), std::end(kPacked), extension) == std::end(kPacked)) {
      return extension;
    }
    name.resize(dot);
  }
  return {};
}

std::string guess_format(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const std::string format = format_of_extension(format_extension(path));
    if (!format.empty()) return format;
  }
  return "lines";
}

void add_problems(const Problems& from, const Settings& settings, Problems& to) {
  for (const Problems::Problem& problem : from.list()) {
    Message message = problem.message;
    const auto setting = static_cast<size_t>(-(problem.line + 1));
    if (problem.line < 0 && setting < settings.size() && message.place.empty()) {
      message.place = "--set " + escaped(settings[setting].first);
    }
    to.add(problem.line, std::move(message));
  }
}

std::string problems_text(std::string_view place, const Problems& problems) {
  std::vector<const Problems::Problem*> sorted;
  for (const Problems::Problem& problem : problems.list()) sorted.push_back(&problem);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->line < b->line; });
  std::string text;
  for (const Problems::Problem* problem : sorted) {
    Message message = problem->message;
    if (message.place.empty()) message.place = problem_place(place, problem->line);
    text += (text.empty() ? "" : "\n") + message.text();
  }
  return text;
}

}  // namespace shardmill
