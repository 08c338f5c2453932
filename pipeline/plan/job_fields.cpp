// The fields that every job file may give: one declaration for checking and documentation.
#include "pipeline/core/registry.h"
#include "pipeline/plan/job.h"

namespace shardmill {

namespace {

std::vector<FieldSpec> make_input_fields() {
  return {
      {.name = "paths",
       .kind = FieldKind::kTextList,
       .doc = "Files, folders (all files below, hidden ones left out) and patterns with *, ?, [..] "
              "and **, relative to the folder where the command is given."},
      {.name = "files_from",
       .kind = FieldKind::kText,
       .doc = "A file that names files and folders, one a line, or separated by NUL bytes."},
      {.name = "exclude",
       .kind = FieldKind::kTextList,
       .doc = "Patterns of files and folders to leave out; one without / is compared with names, "
              "one with / with the end of the path."},
      {.name = "format",
       .kind = FieldKind::kChoice,
       .doc = "How records come in; chosen by extension and content where left out.",
       .choices = format_names()},
      {.name = "unit_bytes",
       .kind = FieldKind::kBytes,
       .doc = "Bigger plain files are cut into units of this size, smaller ones are bundled up to "
              "it; 0 makes each file a unit. Left out: 64MiB, or a 64th of all bytes, at least "
              "1MiB, if that is less. More costs balance at the end, less costs merging.",
       .min = 0,
       .max = 0x1p60},
      {.name = "bundle_files",
       .kind = FieldKind::kInt,
       .doc = "Most files in one unit.",
       .default_text = "1024",
       .min = 1,
       .max = 1 << 20},
      {.name = "chunk_bytes",
       .kind = FieldKind::kBytes,
       .doc = "Records handed to the stages at once, in bytes; a worker holds two chunks. Larger "
              "than a core's cache is slower.",
       .default_text = "256KiB",
       .min = 16,
       .max = 1 << 30},
      {.name = "record_bytes_max",
       .kind = FieldKind::kBytes,
       .doc = "Longer records are rejected; a worker may need this much memory for one record.",
       .default_text = "64MiB",
       .min = 1,
       .max = 1 << 30},
      {.name = "window_bytes_max",
       .kind = FieldKind::kBytes,
       .doc = "Most memory of a decompressor; files that need more are bad files.",
       .default_text = "128MiB",
       .min = 64 << 10,
       .max = 0x1p31},
      {.name = "expansion_max",
       .kind = FieldKind::kInt,
       .doc = "Most bytes that a compressed file may unpack to, as a multiple of its size on disk; "
              "a file that gives more is a bad file (a decompression bomb). 0 is no limit.",
       .default_text = "0",
       .min = 0,
       .max = 0x1p30},
  };
}

std::vector<FieldSpec> make_run_fields() {
  return {
      {.name = "memory",
       .kind = FieldKind::kBytes,
       .doc = "Memory that a rank may use; by default what the rank may have.",
       .min = 16 << 20,
       .max = 0x1p60},
      {.name = "threads",
       .kind = FieldKind::kInt,
       .doc = "Workers of a rank; 0 takes every core that the rank may use.",
       .default_text = "0",
       .min = 0,
       .max = 4096},
      {.name = "on_bad_file",
       .kind = FieldKind::kChoice,
       .doc = "Leave a file that cannot be read (to its end) out and report it; keep the whole "
              "records before the error; or stop the run.",
       .default_text = "skip",
       .choices = {"skip", "keep_prefix", "stop"}},
      {.name = "on_bad_record",
       .kind = FieldKind::kChoice,
       .doc = "Leave a record that cannot be understood out and report it, or stop the run.",
       .default_text = "reject",
       .choices = {"reject", "stop"}},
      {.name = "max_rejects",
       .kind = FieldKind::kText,
       .doc = "Rejected records that are too many: a number or a share of all records like "
              "\"0.1%\"; no limit if left out."},
      {.name = "strict",
       .kind = FieldKind::kBool,
       .doc = "Exit with 10 if there was a bad file or record.",
       .default_text = "false"},
      {.name = "seed",
       .kind = FieldKind::kInt,
       .doc = "Another number gives other random choices where a stage names no seed.",
       .default_text = "0",
       .min = 0,
       .max = 9.0e18},
      {.name = "limit",
       .kind = FieldKind::kInt,
       .doc = "Only the first so many records, in the order of files and offsets; 0 is all.",
       .default_text = "0",
       .min = 0,
       .max = 9.0e18},
      {.name = "rejects_kept",
       .kind = FieldKind::kInt,
       .doc = "Rejected records that are written to bad_records.jsonl; the rest is counted.",
       .default_text = "1000",
       .min = 0,
       .max = 1000000},
      {.name = "reject_bytes_kept",
       .kind = FieldKind::kBytes,
       .doc = "Of a rejected record, the bytes that are kept; only whole records can be mended and "
              "fed again. Workers need memory for rejects_kept times as much.",
       .default_text = "4KiB",
       .min = 1,
       .max = 64 << 20},
      {.name = "drop_examples",
       .kind = FieldKind::kInt,
       .doc = "Records that the report shows for each reason for which a stage dropped some.",
       .default_text = "5",
       .min = 0,
       .max = 100},
      {.name = "show",
       .kind = FieldKind::kInt,
       .doc = "Records that the report shows of what each stage passed on: the first.",
       .default_text = "0",
       .min = 0,
       .max = 1000},
      {.name = "rows_in_report",
       .kind = FieldKind::kInt,
       .doc = "Rows of a table that results.json shows; results.h5 has all.",
       .default_text = "1000",
       .min = 1,
       .max = 10000000},
      {.name = "checkpoint",
       .kind = FieldKind::kSeconds,
       .doc =
           "A worker writes down what it has done this often, or less often if that would take "
           "more than 2 % of its time; a run that is killed loses no more. 0s: after every unit, "
           "whatever it takes.",
       .default_text = "30s",
       .min = 0,
       .max = 1e9},
      {.name = "stall_warning",
       .kind = FieldKind::kSeconds,
       .doc = "A worker without progress for so long is named.",
       .default_text = "5min",
       .min = 1,
       .max = 1e9},
  };
}

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const InputSpec& input : all_inputs()) {
    names.push_back(input.name);
    if (input.name == "csv") names.push_back("tsv");
  }
  return names;
}

const std::vector<FieldSpec>& input_fields() {
  static const std::vector<FieldSpec> fields = make_input_fields();
  return fields;
}

const std::vector<FieldSpec>& run_fields() {
  static const std::vector<FieldSpec> fields = make_run_fields();
  return fields;
}

const std::vector<FieldSpec>& stage_fields() {
  static const std::vector<FieldSpec> fields = {
      {.name = "use",
       .kind = FieldKind::kText,
       .doc = "Which stage; `shardmill stages` lists them.",
       .required = true},
      {.name = "name",
       .kind = FieldKind::kText,
       .doc = "The name of its tables in the report; the stage's own name if left out."}};
  return fields;
}

const std::vector<FieldSpec>& test_fields() {
  static const std::vector<FieldSpec> fields = {
      {.name = "name", .kind = FieldKind::kText, .doc = "What the test shows, as a sentence."},
      {.name = "input",
       .kind = FieldKind::kTextList,
       .doc = "The lines of one file, in the format of the job.",
       .required = true}};
  return fields;
}

}  // namespace shardmill
