#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_write();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BytesSink : public Sink {
 public:
  Status append(const FramedRows& rows) override {
    if (fails) return Status::stopped("the disk is full");
    written += rows.bytes;
    row_count += rows.ends.size();
    EXPECT_TRUE(rows.ends.empty() || rows.ends.back() == rows.bytes.size());
    size_t begin = 0;
    for (size_t i = 0; i < rows.files.size(); ++i) {
      by_name[rows.names[rows.files[i]]] += rows.bytes.substr(begin, rows.ends[i] - begin);
      begin = rows.ends[i];
    }
    ++calls;
    return {};
  }
  std::string written;
  std::map<std::string, std::string> by_name;
  uint64_t row_count = 0;
  size_t calls = 0;
  bool fails = false;
};

class PassedOn : public NextStage {
 public:
  Status pass(Batch& batch) override {
    records += batch.selected();
    return {};
  }
  uint64_t records = 0;
};

/// A bound write stage, with what it asked for.
struct BoundWrite {
  Problems problems;
  SlotPlan slots;
  std::unique_ptr<BoundStage> stage;
  std::optional<OutputSpec> output;

  std::vector<std::string> used() const {
    std::vector<std::string> names;
    for (const auto& slot : slots.slots) {
      if (slot.used) names.push_back(slot.name);
    }
    return names;
  }
  std::string problem() const { return problems.empty() ? "" : problems.list()[0].message.text(); }
};

using Columns = std::vector<std::pair<std::string, Type>>;

// All mistakes that check and bind find.
BoundWrite bind_write(const StageSettings& settings, const RecordForm& form, const Columns& columns,
                      bool touched = false) {
  BoundWrite bound;
  const StageSpec spec = stage_write();
  const Options options = make_options(spec, settings);
  spec.check(options, bound.problems);
  if (!bound.problems.empty()) return bound;
  Schema schema;
  for (const auto& [name, type] : columns) {
    schema.columns.push_back({.name = name, .type = type, .slot = schema.columns.size()});
    bound.slots.slots.push_back({.name = name, .type = type});
  }
  Binder binder(schema, bound.slots, form, bound.problems);
  if (touched) binder.touch_records();
  bound.stage = spec.bind(options, binder);
  bound.output = binder.output();
  EXPECT_EQ(bound.stage == nullptr, !bound.problems.empty());
  return bound;
}

std::string problem_of(const StageSettings& settings) {
  return bind_write(settings, {.format = "lines"}, {{"line", Type::kText}}).problem();
}

// Two text columns of three rows, the second row not selected.
Batch three_rows() {
  Batch batch;
  batch.rows = 3;
  batch.columns.resize(2);
  for (Column& column : batch.columns) column.prepare(Type::kText, 3);
  batch.columns[0].text = {"1", "2", "3"};
  batch.columns[1].text = {"a b", "c", "d\"e"};
  batch.raw = {"1,a b", "2,c", "3,\"d\"\"e\""};
  batch.keep_rows([](size_t row) { return row != 1; });
  return batch;
}

std::string written_by(const BoundWrite& bound, Batch& batch) {
  BytesSink sink;
  PassedOn next;
  const auto worker = bound.stage->make_worker();
  const Status status = worker->process(batch, {.sink = &sink}, next);
  EXPECT_TRUE(status.is_ok()) << status.message();
  EXPECT_EQ(sink.row_count, batch.selected());
  EXPECT_EQ(next.records, batch.selected());
  return sink.written;
}

const RecordForm kCsv = {.format = "csv", .delimiter = ',', .quote = '"'};
const Columns kTwo = {{"n", Type::kText}, {"text", Type::kText}};

TEST(Write, TheExtensionChoosesFormatAndPacking) {
  const BoundWrite plain = bind_write({{"path", "a/b.csv"}}, {.format = "lines"}, kTwo);
  EXPECT_EQ(plain.output->packing, OutputPacking::kPlain);
  EXPECT_EQ(plain.output->header, "n,text\n");
  EXPECT_EQ(plain.output->path, "a/b.csv");
  EXPECT_EQ(plain.output->layout, OutputLayout::kSingle);
  const BoundWrite gzip =
      bind_write({{"path", "b.tsv.gz"}, {"level", int64_t{9}}}, {.format = "lines"}, kTwo);
  EXPECT_EQ(gzip.output->packing, OutputPacking::kGzip);
  EXPECT_EQ(gzip.output->level, 9);
  EXPECT_EQ(gzip.output->header, "n\ttext\n");
  const BoundWrite zstd = bind_write({{"path", "/x/b.jsonl.zst"}}, {.format = "lines"}, kTwo);
  EXPECT_EQ(zstd.output->packing, OutputPacking::kZstd);
  EXPECT_EQ(zstd.output->header, "");
  EXPECT_EQ(zstd.output->path, "/x/b.jsonl.zst");
}

TEST(Write, AFileForEachInputTakesFolderAndExtensionFromThePath) {
  const std::pair<const char*, const char*> cases[] = {{"clean/*.jsonl.gz", "clean"},
                                                       {"clean.jsonl.gz", "clean"},
                                                       {"*.jsonl.gz", ""},
                                                       {"/data/x/*.jsonl.gz", "/data/x"}};
  for (const auto& [path, folder] : cases) {
    const BoundWrite bound = bind_write({{"path", path}, {"layout", "per_input"}}, kCsv, kTwo);
    ASSERT_TRUE(bound.output) << path;
    EXPECT_EQ(bound.output->path, folder);
    EXPECT_EQ(bound.output->extension, ".jsonl.gz");
    EXPECT_EQ(bound.output->layout, OutputLayout::kPerInput);
  }
}

TEST(Write, UntouchedLinesGoOutByteForByteWithoutReadingTheColumn) {
  const BoundWrite bound =
      bind_write({{"path", "x.txt"}}, {.format = "lines"}, {{"line", Type::kText}});
  EXPECT_THAT(bound.used(), IsEmpty());
  EXPECT_TRUE(bound.slots.needs_raw);
  Batch batch = three_rows();
  batch.raw = {"with cr\r", "dropped", ""};
  batch.raw_is_canonical = true;
  EXPECT_EQ(written_by(bound, batch), "with cr\r\n\n");
}

TEST(Write, UntouchedJsonGoesOutByteForByte) {
  const BoundWrite bound = bind_write({{"path", "x.jsonl.gz"}}, {.format = "jsonl"}, kTwo);
  EXPECT_THAT(bound.used(), IsEmpty());
  Batch batch = three_rows();
  batch.raw = {"{\"n\" : 1.0}", "", "{ }"};
  batch.raw_is_canonical = true;
  EXPECT_EQ(written_by(bound, batch), "{\"n\" : 1.0}\n{ }\n");
}

TEST(Write, UntouchedCsvGoesOutByteForByteWhereTheFileHasTheColumnsOfTheJob) {
  const BoundWrite bound = bind_write({{"path", "x.csv"}}, kCsv, kTwo);
  EXPECT_THAT(bound.used(), ElementsAre("n", "text"));
  EXPECT_EQ(bound.output->header, "n,text\n");
  Batch same = three_rows();
  same.raw[0] = "\"1\",a b";
  same.raw_is_canonical = true;
  EXPECT_EQ(written_by(bound, same), "\"1\",a b\n3,\"d\"\"e\"\n");
  Batch other = three_rows();
  other.raw[0] = "other header";
  other.raw_is_canonical = false;
  EXPECT_EQ(written_by(bound, other), "1,a b\n3,\"d\"\"e\"\n");
}

TEST(Write, AnotherDialectIsWrittenColumnByColumn) {
  for (const RecordForm& form : {RecordForm{.format = "csv", .delimiter = ';', .quote = '"'},
                                 RecordForm{.format = "csv", .delimiter = ',', .quote = '\''},
                                 RecordForm{.format = "csv", .delimiter = ',', .quote = 0}}) {
    const BoundWrite bound = bind_write({{"path", "x.csv"}}, form, kTwo);
    EXPECT_FALSE(bound.slots.needs_raw);
    Batch batch = three_rows();
    batch.raw_is_canonical = true;
    EXPECT_EQ(written_by(bound, batch), "1,a b\n3,\"d\"\"e\"\n");
  }
  const RecordForm tabs = {.format = "csv", .delimiter = '\t', .quote = '"'};
  EXPECT_TRUE(bind_write({{"path", "x.tsv"}}, tabs, kTwo).slots.needs_raw);
}

TEST(Write, ChangedRecordsAreWrittenColumnByColumn) {
  const BoundWrite bound = bind_write({{"path", "x.jsonl"}}, {.format = "jsonl"}, kTwo, true);
  EXPECT_FALSE(bound.slots.needs_raw);
  Batch batch = three_rows();
  EXPECT_EQ(written_by(bound, batch),
            "{\"n\":\"1\",\"text\":\"a b\"}\n{\"n\":\"3\",\"text\":\"d\\\"e\"}\n");
}

TEST(Write, TxtTakesTheColumnThatIsAskedForOrTheOnlyOneOfText) {
  const Columns mixed = {{"n", Type::kInt}, {"text", Type::kText}};
  const RecordForm lines = {.format = "lines"};
  EXPECT_THAT(bind_write({{"path", "x.txt"}}, kCsv, mixed).used(), ElementsAre("text"));
  EXPECT_THAT(bind_write({{"path", "x.txt"}, {"column", "n"}}, kCsv, mixed).used(),
              ElementsAre("n"));
  const Columns more = {{"word", Type::kText}, {"line", Type::kText}};
  EXPECT_THAT(bind_write({{"path", "x.txt"}}, lines, more, true).used(), ElementsAre("line"));
  EXPECT_THAT(bind_write({{"path", "x.txt"}, {"column", "word"}}, lines, more).used(),
              ElementsAre("word"));
  EXPECT_EQ(bind_write({{"path", "x.txt"}}, kCsv, kTwo).problem(),
            "text columns n, text, expected one column for a .txt file; set `column`");
  EXPECT_EQ(bind_write({{"path", "x.txt"}}, kCsv, {{"n", Type::kInt}}).problem(),
            "no text column to write, expected one column for a .txt file; set `column`");
  EXPECT_THAT(bind_write({{"path", "x.txt"}, {"column", "txet"}}, kCsv, kTwo).problem(),
              HasSubstr("there is no column \"txet\""));
}

TEST(Write, LongOutputReachesTheSinkInPieces) {
  const BoundWrite bound = bind_write({{"path", "x.csv"}}, {.format = "lines"}, kTwo);
  Batch batch;
  batch.rows = 30'000;
  batch.columns.resize(2);
  for (Column& column : batch.columns) {
    column.prepare(Type::kText, batch.rows);
    std::fill(column.text.begin(), column.text.end(), "twenty bytes of text");
  }
  BytesSink sink;
  PassedOn next;
  const auto worker = bound.stage->make_worker();
  ASSERT_TRUE(worker->process(batch, {.sink = &sink}, next).is_ok());
  EXPECT_EQ(sink.row_count, batch.rows);
  EXPECT_EQ(sink.written.size(), batch.rows * 42);
  EXPECT_EQ(sink.calls, 5u);
}

TEST(Write, AFullDiskEndsTheUnit) {
  const BoundWrite bound = bind_write({{"path", "x.csv"}}, {.format = "lines"}, kTwo);
  BytesSink sink;
  sink.fails = true;
  PassedOn next;
  Batch batch = three_rows();
  const Status status = bound.stage->make_worker()->process(batch, {.sink = &sink}, next);
  EXPECT_EQ(status.code(), Code::kStopped);
  EXPECT_EQ(next.records, 0u);
}

TEST(Write, EveryMistakeInThePathSaysWhatToDo) {
  const std::string allowed = ".txt, .csv, .tsv or .jsonl, and then .gz or .zst or nothing; or .h5";
  EXPECT_EQ(problem_of({{"path", "x.json"}}), "path \"x.json\", expected a name that ends in " +
                                                  allowed + "; the extension chooses the format");
  EXPECT_EQ(problem_of({{"path", "x.jsonl.xz"}}),
            "path \"x.jsonl.xz\", expected a name that ends in " + allowed +
                "; the extension chooses the format");
  EXPECT_EQ(problem_of({{"path", "x.h5.gz"}}),
            "path \"x.h5.gz\", expected no packing behind .h5: the values in it are compressed; "
            "write \"x.h5\"");
  EXPECT_EQ(problem_of({{"path", "x.h5"}, {"max_records", int64_t{5}}}),
            "`max_records` for \"x.h5\", expected one file, which HDF5 reads in pieces; leave it "
            "out, set `shards`, or write a file for each input or value");
  EXPECT_EQ(problem_of({{"path", "x.csv"}, {"texts", "fixed"}}),
            "`texts` for \"x.csv\", expected it only for .h5; leave it out");
  EXPECT_EQ(problem_of({{"path", "x.h5"}, {"compression", "none"}, {"level", int64_t{3}}}),
            "a level for compression \"none\", expected one of them; leave `level` out");
  EXPECT_EQ(problem_of({{"path", "x.h5"}, {"level", int64_t{13}}}),
            "level 13, expected at most 12 for .h5");
  EXPECT_EQ(problem_of({{"path", "x.h5"}, {"column", "line"}}),
            "`column` for a .h5 file, expected it only for .txt; choose columns with a stage "
            "`select` before");
  EXPECT_EQ(problem_of({{"path", "a/../../x.csv"}}),
            "path \"a/../../x.csv\" with \"..\", expected a path below the run's output folder; "
            "write an absolute path to leave it");
  EXPECT_EQ(problem_of({{"path", std::string("a\0b.csv", 7)}}),
            "path \"a\\x00b.csv\" with a NUL byte, expected a name that a file can have");
  EXPECT_EQ(problem_of({{"path", "/a/../x.csv"}}), "");
  EXPECT_EQ(problem_of({{"path", "a..b/..x.csv"}}), "");
  EXPECT_EQ(problem_of({{"path", "a/{level}.csv"}, {"layout", "per_input"}}),
            "path \"a/{level}.csv\" with braces, expected a path without them for layout "
            "\"per_input\"; leave `layout` out for a file for each value");
  EXPECT_EQ(problem_of({{"path", "a/*.csv"}}),
            "path \"a/*.csv\" with \"*\", expected the name of one file; set layout = "
            "\"per_input\" for a file for each input");
  EXPECT_EQ(problem_of({{"path", "a/.csv"}}),
            "path \"a/.csv\" without a name, expected a name before \".csv\"");
  EXPECT_EQ(problem_of({{"path", ""}}), "path \"\", expected a name that ends in " + allowed +
                                            "; the extension chooses the format");
}

TEST(Write, ShardsAreFilesBesideOneOfHdf5) {
  const BoundWrite bound = bind_write({{"path", "sub/x.h5"}, {"shards", int64_t{3}}},
                                      {.format = "lines"}, {{"line", Type::kText}});
  ASSERT_TRUE(bound.output);
  EXPECT_EQ(bound.output->path, "sub/x.h5");
  EXPECT_EQ(bound.output->hdf5.shards, 3u);
  EXPECT_EQ(bound.output->hdf5.shard_path, std::string("sub/x-\0.h5", 10));
  EXPECT_EQ(problem_of({{"path", "x.csv"}, {"shards", int64_t{3}}}),
            "`shards` for \"x.csv\", expected it only for .h5; leave it out");
  EXPECT_EQ(problem_of({{"path", "by/{line}.h5"}, {"shards", int64_t{3}}}),
            "`shards` for \"by/{line}.h5\", a file for each value, expected the rows of one "
            "output; leave it out, or write a single file");
  EXPECT_EQ(problem_of({{"path", "by/*.h5"}, {"layout", "per_input"}, {"shards", int64_t{3}}}),
            "`shards` for \"by/*.h5\", a file for each input, expected the rows of one output; "
            "leave it out, or write a single file");
}

TEST(Write, LevelsAndColumnsThatHaveNoMeaningAreMistakes) {
  EXPECT_EQ(problem_of({{"path", "x.csv"}, {"level", int64_t{3}}}),
            "a level for \"x.csv\", expected a compressed file; add .gz or .zst to the path, or "
            "leave `level` out");
  EXPECT_EQ(problem_of({{"path", "x.csv.gz"}, {"level", int64_t{15}}}),
            "level 15, expected at most 12 for .gz");
  EXPECT_EQ(problem_of({{"path", "x.csv.zst"}, {"level", int64_t{15}}}), "");
  EXPECT_EQ(problem_of({{"path", "x.csv"}, {"column", "line"}}),
            "`column` for a .csv file, expected it only for .txt; choose columns with a stage "
            "`select` before");
}

using ByName = std::map<std::string, std::string>;

TEST(Write, RowsGoToTheFileOfTheirValue) {
  const BoundWrite bound = bind_write({{"path", "by/{text}/{n}.csv"}}, {.format = "lines"},
                                      {{"n", Type::kInt}, {"text", Type::kText}});
  ASSERT_TRUE(bound.output);
  EXPECT_EQ(bound.output->layout, OutputLayout::kByColumn);
  EXPECT_EQ(bound.output->path, "by");
  EXPECT_EQ(bound.output->pattern, "{text}/{n}.csv");
  EXPECT_EQ(bound.output->header, "n,text\n");
  EXPECT_EQ(bound.output->max_files, 10'000u);
  Batch batch;
  batch.rows = 4;
  batch.columns.resize(2);
  batch.columns[0].prepare(Type::kInt, 4);
  batch.columns[1].prepare(Type::kText, 4);
  batch.columns[0].ints = {7, -1, 7, 7};
  batch.columns[1].text = {"a/b", "..", "a/b", ""};
  batch.columns[1].set_null(3);
  BytesSink sink;
  PassedOn next;
  const auto worker = bound.stage->make_worker();
  ASSERT_TRUE(worker->process(batch, {.sink = &sink}, next).is_ok());
  EXPECT_EQ(sink.by_name, (ByName{{"a%2Fb/7.csv", "7,a/b\n7,a/b\n"},
                                  {"%2E./-1.csv", "-1,..\n"},
                                  {"%null/7.csv", "7,\n"}}));
}

TEST(Write, UntouchedRecordsGoToTheirFilesByteForByte) {
  const BoundWrite bound = bind_write({{"path", "{n}.csv"}}, kCsv, kTwo);
  EXPECT_TRUE(bound.slots.needs_raw);
  BytesSink sink;
  PassedOn next;
  Batch batch = three_rows();
  batch.raw[0] = "\"1\",a b";
  batch.raw_is_canonical = true;
  const auto worker = bound.stage->make_worker();
  ASSERT_TRUE(worker->process(batch, {.sink = &sink}, next).is_ok());
  EXPECT_EQ(sink.by_name, (ByName{{"1.csv", "\"1\",a b\n"}, {"3.csv", "3,\"d\"\"e\"\n"}}));
}

TEST(Write, LongValuesOfOneStartHaveFilesOfTheirOwn) {
  const BoundWrite bound = bind_write({{"path", "{n}.txt"}, {"column", "text"}}, kCsv, kTwo);
  const std::string start(5'000, 'x');
  const std::string one = start + "1";
  const std::string two = start + "2";
  BytesSink sink;
  PassedOn next;
  const auto worker = bound.stage->make_worker();
  for (int round = 0; round < 2; ++round) {
    Batch batch = three_rows();
    batch.columns[0].text = {one, "dropped", two};
    ASSERT_TRUE(worker->process(batch, {.sink = &sink}, next).is_ok());
    EXPECT_EQ(batch.columns[0].text[0], one) << "others see the value itself";
  }
  ASSERT_EQ(sink.by_name.size(), 2u);
  for (const auto& [name, rows] : sink.by_name) {
    EXPECT_EQ(name.size(), 255u);
    EXPECT_TRUE(rows == "a b\na b\n" || rows == "d\"e\nd\"e\n") << rows;
  }
}

TEST(Write, MoreValuesThanFilesAllowedEndTheRun) {
  const BoundWrite bound =
      bind_write({{"path", "by/{n}.csv"}, {"max_files", int64_t{1}}}, kCsv, kTwo);
  BytesSink sink;
  PassedOn next;
  Batch batch = three_rows();
  const Status status = bound.stage->make_worker()->process(batch, {.sink = &sink}, next);
  EXPECT_EQ(status.code(), Code::kFailed);
  EXPECT_EQ(status.message(),
            "output \"by/{n}.csv\": its values make more files than allowed, expected at most 1 "
            "(max_files); choose columns of fewer values, or raise max_files");
}

TEST(Write, FilesOfOtherUnitsDoNotCountAgainstTheLimit) {
  const BoundWrite bound =
      bind_write({{"path", "by/{n}.csv"}, {"max_files", int64_t{2}}}, kCsv, kTwo);
  const auto worker = bound.stage->make_worker();
  for (int64_t unit = 0; unit < 3; ++unit) {
    BytesSink sink;
    PassedOn next;
    worker->begin_unit();
    Batch batch = three_rows();
    const std::string first = std::to_string(unit);
    const std::string third = std::to_string(100 + unit);
    batch.columns[0].text = {first, "dropped", third};
    ASSERT_TRUE(worker->process(batch, {.sink = &sink}, next).is_ok()) << "unit " << unit;
  }
}

TEST(Write, FoldersBehindAColumnCannotGoUp) {
  EXPECT_EQ(problem_of({{"path", "/data/{t}/../x{n}.csv"}}),
            "path \"/data/{t}/../x{n}.csv\" with \"..\" behind a brace, expected folders below it; "
            "write the folder that is meant");
}

TEST(Write, NumberedPartsHaveTheirPlaceInThePath) {
  const StageSettings limit = {{"path", "a/b.csv.gz"}, {"max_records", int64_t{5}}};
  const BoundWrite single = bind_write(limit, kCsv, kTwo);
  EXPECT_EQ(single.output->path, std::string("a/b-\0.csv.gz", 12));
  EXPECT_EQ(single.output->max_records, 5u);
  EXPECT_EQ(single.output->max_bytes, 0u);
  EXPECT_EQ(single.output->shown, "a/b.csv.gz");
  const BoundWrite by_input = bind_write(
      {{"path", "a/*.csv"}, {"layout", "per_input"}, {"max_bytes", int64_t{100}}}, kCsv, kTwo);
  EXPECT_EQ(by_input.output->extension, std::string("-\0.csv", 6));
  EXPECT_EQ(by_input.output->max_bytes, 100u);
  const BoundWrite own_place =
      bind_write({{"path", "a/{part}.csv"}, {"max_records", int64_t{5}}}, kCsv, kTwo);
  EXPECT_EQ(own_place.output->path, std::string("a/\0.csv", 7));
  EXPECT_EQ(own_place.output->layout, OutputLayout::kSingle);
}

TEST(Write, MistakesWithColumnsInThePathSayWhatToDo) {
  EXPECT_THAT(problem_of({{"path", "{a}{b}.txt"}}), HasSubstr("braces side by side"));
  EXPECT_THAT(problem_of({{"path", "{lime}.txt"}}), HasSubstr("there is no column \"lime\""));
  EXPECT_THAT(problem_of({{"path", "../{line}.txt"}}), HasSubstr("with \"..\""));
}

}  // namespace
}  // namespace shardmill
