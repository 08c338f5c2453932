#include "pipeline/run/verify_books.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/json_tree.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

constexpr uint64_t kBooksBytesMax = uint64_t{16} << 30;

std::string problem(std::string place, std::string found, std::string expected) {
  return Message{.place = std::move(place),
                 .found = std::move(found),
                 .expected = std::move(expected),
                 .fix = {}}
      .text();
}

class Books {
 public:
  explicit Books(std::string place) : place_(std::move(place)) {}

  void expect_equal(const std::string& where, std::string_view what, uint64_t found,
                    uint64_t expected) {
    if (found == expected) return;
    problems_.push_back(problem(escaped(place_) + "/" + where,
                                fmt::format("{} {}", with_separators(found), what),
                                with_separators(expected)));
  }
  void add(const std::string& where, std::string found, std::string expected) {
    problems_.push_back(
        problem(escaped(place_) + "/" + where, std::move(found), std::move(expected)));
  }
  std::vector<std::string> take() { return std::move(problems_); }

 private:
  std::string place_;
  std::vector<std::string> problems_;
};

void check_stages(const ReadResults& results, Books& books) {
  uint64_t coming = results.records;
  for (size_t i = 0; i < results.stages.size(); ++i) {
    const ReadStage& stage = results.stages[i];
    const std::string where = fmt::format("results.json, stage {} ({})", i, escaped(stage.use));
    books.expect_equal(where, "records came in", stage.records_in, coming);
    books.expect_equal(where, "records came in or were made", stage.records_in + stage.made,
                       stage.records_out + stage.dropped_sum() + stage.rejected);
    coming = stage.records_out;
  }
}

void check_files_against_results(const ReadResults& results, const FileSums& files, Books& books) {
  uint64_t rejected = files.rejected;
  for (const ReadStage& stage : results.stages) rejected += stage.rejected;
  const std::string where = "results.json, inputs";
  books.expect_equal(where, "files", results.files, files.files);
  books.expect_equal(where, "bytes", results.bytes, files.size_bytes);
  books.expect_equal(where, "records", results.records, files.records);
  books.expect_equal(where, "bad records", results.bad_records, rejected);
  books.expect_equal(where, "bad files", results.bad_files, files.bad_files);
}

void check_tables(const ReadResults& results, Books& books) {
  for (const ReadTable& table : results.tables) {
    const std::string where = "results.json, table " + quoted(table.name);
    if (table.stage >= results.stages.size()) {
      books.add(where, fmt::format("it is of stage {}", table.stage),
                counted(results.stages.size(), "stage"));
    }
    if (!table.columns.empty() && table.shown_rows() > table.row_count) {
      books.expect_equal(where, "rows", table.shown_rows(), table.row_count);
    }
  }
}

/// Every file of the manifest has its line, with the size that it had.
void check_manifest(std::string_view manifest, const FileSums& files, Books& books) {
  take_until(manifest, '\n');
  uint64_t bytes = 0;
  std::vector<std::pair<std::string, uint64_t>> sorted;
  for (const FileLine& file : files.lines) sorted.emplace_back(file.path, file.size_bytes);
  std::sort(sorted.begin(), sorted.end());
  while (!manifest.empty()) {
    std::string_view line = take_until(manifest, '\n');
    const std::string path(take_until(line, '\t'));
    uint64_t size = 0;
    parse_count(take_until(line, '\t'), size);
    bytes += size;
    if (std::binary_search(sorted.begin(), sorted.end(), std::pair(path, size))) continue;
    books.add("manifest.tsv", fmt::format("{} with {}", path, counted(size, "byte")),
              "the same in files.tsv");
  }
  books.expect_equal("manifest.tsv", "bytes", bytes, files.size_bytes);
}

uint64_t count_of(const JsonNode& node, const char* name) {
  const JsonNode* member = node.find(name);
  return member == nullptr ? 0 : member->whole().value_or(0);
}

/// What the run said that it wrote is what checksums.xxh3 lists, in its size.
void check_outputs(const JsonNode& root, const std::vector<SoundOutput>& outputs, Books& books) {
  const JsonNode* written = root.find("outputs");
  const size_t count = written == nullptr ? 0 : written->items.size();
  std::map<std::string, uint64_t> bytes;
  for (size_t i = 0; i < count; ++i) {
    const JsonNode* path = written->items[i].find("path");
    if (path != nullptr) bytes[path->bytes().value_or("")] = count_of(written->items[i], "bytes");
  }
  for (const SoundOutput& output : outputs) {
    const auto said = bytes.find(output.name);
    const std::string where = "run.json, output " + quoted(output.name);
    if (said == bytes.end()) {
      books.add(where, "it is not there", "every output of " + std::string(kChecksumsName));
    } else {
      books.expect_equal(where, "bytes", said->second, output.bytes);
    }
  }
}

void check_run_json(std::string_view text, const FileSums& files,
                    const std::vector<SoundOutput>& outputs, Books& books) {
  JsonNode root;
  if (const auto mistake = parse_json_tree(text, root)) {
    books.add("run.json", mistake->text("file"), {});
    return;
  }
  const std::pair<const char*, uint64_t> sums[] = {{"disk_bytes", files.disk_bytes},
                                                   {"plain_bytes", files.plain_bytes},
                                                   {"records", files.records}};
  for (const auto& [name, expected] : sums) {
    books.expect_equal("run.json", name, count_of(root, name), expected);
  }
  const JsonNode* problems = root.find("books_problems");
  if (problems != nullptr && !problems->items.empty()) {
    books.add("run.json", counted(problems->items.size(), "problem") + " of the books", "none");
  }
  check_outputs(root, outputs, books);
}

void check_bad_records(std::string_view text, const ReadResults& results, Books& books) {
  const auto lines = static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines > results.bad_records) {
    books.expect_equal("bad_records.jsonl", "records", lines, results.bad_records);
  }
}

struct BookFiles {
  ReadResults results;
  FileSums files;
  std::string manifest;
  std::string run_json;
  std::string bad_records;
};

Result<BookFiles> read_books(const std::string& run_dir) {
  BookFiles books;
  const std::string results_path = run_dir + "/results.json";
  ASSIGN_OR_RETURN(const std::string results, read_whole(results_path, kResultsBytesMax));
  Result<ReadResults> read = read_results(results);
  if (!read.is_ok()) return read.status().at(escaped(results_path));
  books.results = std::move(*read);
  ASSIGN_OR_RETURN(const std::string files, read_whole(run_dir + "/files.tsv", kBooksBytesMax));
  Result<FileSums> sums = sum_files_tsv(files);
  if (!sums.is_ok()) return Status::failed(escaped(run_dir) + "/" + sums.status().message());
  books.files = std::move(*sums);
  ASSIGN_OR_RETURN(books.manifest, read_whole(run_dir + "/manifest.tsv", kBooksBytesMax));
  ASSIGN_OR_RETURN(books.run_json, read_whole(run_dir + "/run.json", kBooksBytesMax));
  ASSIGN_OR_RETURN(books.bad_records, read_whole(run_dir + "/bad_records.jsonl", kBooksBytesMax));
  return books;
}

}  // namespace

std::vector<std::string> check_books(const ReadResults& results, const FileSums& files,
                                     const std::string& place) {
  Books books(place);
  check_stages(results, books);
  check_files_against_results(results, files, books);
  check_tables(results, books);
  return books.take();
}

BooksFound verify_books(const std::string& run_dir, const std::vector<SoundOutput>& outputs) {
  const Result<BookFiles> files = read_books(run_dir);
  if (!files.is_ok()) return {.checked = {}, .problems = {files.status().message()}};
  BooksFound found;
  found.problems = check_books(files->results, files->files, run_dir);
  Books books(run_dir);
  check_manifest(files->manifest, files->files, books);
  check_run_json(files->run_json, files->files, outputs, books);
  check_bad_records(files->bad_records, files->results, books);
  for (std::string& one : books.take()) found.problems.push_back(std::move(one));
  found.checked = fmt::format("books   {}, {}, {}, {}: {}", counted(files->files.files, "file"),
                              counted(files->files.records, "record"),
                              counted(files->results.stages.size(), "stage"),
                              counted(files->results.tables.size(), "table"),
                              found.problems.empty() ? "they balance" : "they do not balance");
  return found;
}

}  // namespace shardmill
