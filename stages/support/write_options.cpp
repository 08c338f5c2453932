#include "stages/support/write_options.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

const char* const kExtensions =
    ".txt, .csv, .tsv or .jsonl, and then .gz or .zst or nothing; or .h5";
constexpr int kHdf5Level = 4;  ///< as h5py has it

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

OutputPacking take_packing(std::string_view& path) {
  if (take_suffix(path, ".gz")) return OutputPacking::kGzip;
  if (take_suffix(path, ".zst")) return OutputPacking::kZstd;
  return OutputPacking::kPlain;
}

std::optional<RowFormat> take_format(std::string_view& path) {
  for (const RowFormat format :
       {RowFormat::kTxt, RowFormat::kCsv, RowFormat::kTsv, RowFormat::kJsonl}) {
    if (take_suffix(path, "." + std::string(row_format_name(format)))) return format;
  }
  return std::nullopt;
}

bool is_numbered(const Options& options) {
  return options.has("max_records") || options.has("max_bytes");
}

bool has_braces(std::string_view path) {
  return path.find_first_of("{}") != std::string_view::npos;
}

bool has_parent_part(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (path.substr(0, slash) == "..") return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

bool chosen(const Options& options, const char* option, std::string_view choice) {
  return options.has(option) && options.text(option) == choice;
}

}  // namespace

std::optional<WriteTarget> write_target(std::string_view path) {
  std::string_view stem = path;
  WriteTarget target;
  if (take_suffix(stem, ".h5")) {
    target.packing = OutputPacking::kHdf5;
  } else {
    target.packing = take_packing(stem);
    const std::optional<RowFormat> format = take_format(stem);
    if (!format) return std::nullopt;
    target.format = *format;
  }
  target.stem = stem;
  target.extension = path.substr(stem.size());
  return target;
}

Message unknown_extension(const std::string& path) {
  std::string_view stem = path;
  take_packing(stem);
  if (take_suffix(stem, ".h5")) {
    return {.found = "path " + quoted(path),
            .expected = "no packing behind .h5: the values in it are compressed",
            .fix = "write " + quoted(std::string(stem) + ".h5")};
  }
  return {.found = "path " + quoted(path),
          .expected = std::string("a name that ends in ") + kExtensions,
          .fix = "the extension chooses the format"};
}

bool is_per_input(const Options& options) {
  return options.text("layout") == "per_input";
}

std::optional<OutputPath> output_path_of(const Options& options, const WriteTarget& target,
                                         Message& problem) {
  return OutputPath::parse(options.text("path"), target.extension, is_numbered(options), problem);
}

namespace {

void check_path(const Options& options, Problems& problems) {
  const std::string& path = options.text("path");
  const int line = options.line("path");
  const std::optional<WriteTarget> target = write_target(path);
  if (!target) {
    problems.add(line, unknown_extension(path));
    return;
  }
  if (path.find('\0') != std::string::npos) {
    problems.add(line, {.found = "path " + quoted(path) + " with a NUL byte",
                        .expected = "a name that a file can have"});
  }
  if (path[0] != '/' && has_parent_part(path)) {
    problems.add(line, {.found = "path " + quoted(path) + " with \"..\"",
                        .expected = "a path below the run's output folder",
                        .fix = "write an absolute path to leave it"});
  } else if (const size_t brace = path.find('{');
             brace != std::string::npos && has_parent_part(path.substr(brace))) {
    problems.add(line, {.found = "path " + quoted(path) + " with \"..\" behind a brace",
                        .expected = "folders below it",
                        .fix = "write the folder that is meant"});
  }
  const bool is_single = !is_per_input(options);
  Message problem;
  if (!is_single && has_braces(path)) {
    problems.add(line, {.found = "path " + quoted(path) + " with braces",
                        .expected = "a path without them for layout \"per_input\"",
                        .fix = "leave `layout` out for a file for each value"});
  } else if (is_single && path.find('*') != std::string::npos) {
    problems.add(line, {.found = "path " + quoted(path) + " with \"*\"",
                        .expected = "the name of one file",
                        .fix = "set layout = \"per_input\" for a file for each input"});
  } else if (is_single && (target->stem.empty() || target->stem.back() == '/')) {
    problems.add(line, {.found = "path " + quoted(path) + " without a name",
                        .expected = "a name before " + quoted(target->extension)});
  } else if (is_single && !output_path_of(options, *target, problem)) {
    problems.add(line, problem);
  }
}

void check_level(const Options& options, Problems& problems) {
  const int64_t level = options.integer("level");
  const std::optional<WriteTarget> target = write_target(options.text("path"));
  if (level == 0 || !target) return;
  if (target->packing == OutputPacking::kPlain) {
    problems.add(options.line("level"),
                 {.found = "a level for " + quoted(options.text("path")),
                  .expected = "a compressed file",
                  .fix = "add .gz or .zst to the path, or leave `level` out"});
  } else if (target->packing != OutputPacking::kZstd && level > 12) {
    const char* const name = target->packing == OutputPacking::kGzip ? ".gz" : ".h5";
    problems.add(options.line("level"), {.found = "level " + std::to_string(level),
                                         .expected = std::string("at most 12 for ") + name});
  }
}

void check_shards(const Options& options, Problems& problems) {
  const std::string& path = options.text("path");
  if (!is_per_input(options) && !has_braces(path)) return;
  problems.add(
      options.line("shards"),
      {.found = "`shards` for " + quoted(path) +
                (is_per_input(options) ? ", a file for each input" : ", a file for each value"),
       .expected = "the rows of one output",
       .fix = "leave it out, or write a single file"});
}

void check_hdf5(const Options& options, bool is_hdf5, Problems& problems) {
  for (const char* option : {"compression", "texts", "shards"}) {
    if (is_hdf5 || !options.has(option)) continue;
    problems.add(options.line(option),
                 {.found = "`" + std::string(option) + "` for " + quoted(options.text("path")),
                  .expected = "it only for .h5",
                  .fix = "leave it out"});
  }
  for (const char* option : {"max_records", "max_bytes"}) {
    if (!is_hdf5 || !options.has(option)) continue;
    problems.add(options.line(option),
                 {.found = "`" + std::string(option) + "` for " + quoted(options.text("path")),
                  .expected = "one file, which HDF5 reads in pieces",
                  .fix = "leave it out, set `shards`, or write a file for each input or value"});
  }
  if (is_hdf5 && options.has("shards")) check_shards(options, problems);
  if (is_hdf5 && chosen(options, "compression", "none") && options.integer("level") > 0) {
    problems.add(options.line("level"), {.found = "a level for compression \"none\"",
                                         .expected = "one of them",
                                         .fix = "leave `level` out"});
  }
}

int level_of(const Options& options, OutputPacking packing) {
  const int level = static_cast<int>(options.integer("level"));
  if (packing != OutputPacking::kHdf5) return level;
  if (chosen(options, "compression", "none")) return 0;
  return level == 0 ? kHdf5Level : level;
}

Hdf5Text texts_of(const Options& options) {
  if (chosen(options, "texts", "fixed")) return Hdf5Text::kFixed;
  return chosen(options, "texts", "variable") ? Hdf5Text::kVariable : Hdf5Text::kAuto;
}

}  // namespace

void check_write_options(const Options& options, Problems& problems) {
  check_path(options, problems);
  check_level(options, problems);
  const std::optional<WriteTarget> target = write_target(options.text("path"));
  if (!target) return;
  const bool is_hdf5 = target->packing == OutputPacking::kHdf5;
  check_hdf5(options, is_hdf5, problems);
  if (options.has("column") && (is_hdf5 || target->format != RowFormat::kTxt)) {
    const std::string_view format = is_hdf5 ? "h5" : row_format_name(target->format);
    problems.add(options.line("column"),
                 {.found = "`column` for a ." + std::string(format) + " file",
                  .expected = "it only for .txt",
                  .fix = "choose columns with a stage `select` before"});
  }
}

OutputSpec write_output(const Options& options, const WriteTarget& target, std::string header) {
  OutputSpec output = {.path = options.text("path"),
                       .packing = target.packing,
                       .level = level_of(options, target.packing),
                       .header = std::move(header),
                       .shown = options.text("path"),
                       .max_records = static_cast<uint64_t>(options.integer("max_records")),
                       .max_bytes = static_cast<uint64_t>(options.integer("max_bytes")),
                       .max_files = static_cast<uint64_t>(options.integer("max_files"))};
  output.hdf5.texts = texts_of(options);
  output.hdf5.shards = static_cast<uint64_t>(options.integer("shards"));
  if (output.hdf5.shards > 0) {
    output.hdf5.shard_path = target.stem + "-" + std::string(1, kPartMark) + target.extension;
  }
  if (is_per_input(options)) {
    std::string_view folder = target.stem;
    if (take_suffix(folder, "*")) take_suffix(folder, "/");
    output.layout = OutputLayout::kPerInput;
    output.path = folder;
    output.extension = target.extension;
    if (output.is_numbered()) output.extension = "-" + std::string(1, kPartMark) + target.extension;
  }
  return output;
}

}  // namespace shardmill
