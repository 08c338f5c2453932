#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "inputs/support/hdf5_values.h"
#include "pipeline/core/input.h"
#include "pipeline/formats/hdf5_filters.h"
#include "pipeline/formats/hdf5_objects.h"
#include "tests/support/files.h"
#include "tests/support/hdf5_files.h"

namespace shardmill {

InputSpec input_hdf5();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string compressed(const std::string& plain) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_zlib_compress_bound(compressor, plain.size()), '\0');
  out.resize(
      libdeflate_zlib_compress(compressor, plain.data(), plain.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

std::string shuffled(const std::string& plain, size_t element_bytes) {
  const size_t elements = plain.size() / element_bytes;
  std::string out = plain;
  for (size_t i = 0; i < elements; ++i) {
    for (size_t b = 0; b < element_bytes; ++b) out[b * elements + i] = plain[i * element_bytes + b];
  }
  return out;
}

std::string with_checksum(const std::string& plain) {
  const uint32_t sum = hdf5_fletcher32(plain);
  return plain + std::string(reinterpret_cast<const char*>(&sum), sizeof sum);
}

std::string random_bytes(size_t size) {
  std::mt19937 random(static_cast<unsigned>(size) + 1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() % 7 * 40);
  return bytes;
}

TEST(Hdf5Filters, UnshuffleEqualsItsPlainVersion) {
  for (const size_t element_bytes : {1, 2, 3, 4, 8, 16}) {
    for (const size_t size : {0, 1, 7, 16, 63, 64, 1000, 4099}) {
      const std::string bytes = random_bytes(size);
      std::string fast(size, '\0');
      std::string plain(size, '\0');
      hdf5_unshuffle(bytes, element_bytes, fast.data());
      hdf5_unshuffle_plainly(bytes, element_bytes, plain.data());
      EXPECT_EQ(fast, plain) << element_bytes << " " << size;
      hdf5_unshuffle(shuffled(bytes, element_bytes), element_bytes, fast.data());
      EXPECT_EQ(fast, bytes) << element_bytes << " " << size;
    }
  }
}

TEST(Hdf5Filters, ChecksumIsThatOfTheLibrary) {
  // "abcde" as words 0x6162, 0x6364, 0x6500.
  EXPECT_EQ(hdf5_fletcher32(""), 0u);
  EXPECT_EQ(hdf5_fletcher32("abcde"), 0x4ff029c7u) << "of words with the higher byte first";
}

TEST(Hdf5Filters, AreUndoneInTheOppositeOrder) {
  const std::string plain = random_bytes(800);
  Hdf5Unfilter unfilter(
      {.filters = {Hdf5Filter::kShuffle, Hdf5Filter::kDeflate, Hdf5Filter::kFletcher32},
       .element_bytes = 8,
       .chunk_bytes = plain.size()});
  std::string out(plain.size(), '\0');
  const auto undo = [&](const std::string& stored, uint32_t mask) {
    const Status status = unfilter.undo(stored, mask, out.data());
    EXPECT_EQ(status.message(), "");
    return out == plain;
  };
  EXPECT_TRUE(undo(with_checksum(compressed(shuffled(plain, 8))), 0));
  EXPECT_TRUE(undo(compressed(shuffled(plain, 8)), 4));
  EXPECT_TRUE(undo(with_checksum(shuffled(plain, 8)), 2));
  EXPECT_TRUE(undo(with_checksum(compressed(plain)), 1));
  EXPECT_TRUE(undo(plain, 7));
  Hdf5Unfilter inside({.filters = {Hdf5Filter::kFletcher32, Hdf5Filter::kDeflate},
                       .element_bytes = 8,
                       .chunk_bytes = plain.size()});
  EXPECT_TRUE(inside.undo(compressed(with_checksum(plain)), 0, out.data()).is_ok());
  EXPECT_EQ(out, plain);
  Hdf5Unfilter odd({.filters = {Hdf5Filter::kDeflate, Hdf5Filter::kShuffle},
                    .element_bytes = 8,
                    .chunk_bytes = plain.size()});
  EXPECT_TRUE(odd.undo(shuffled(compressed(plain), 8), 0, out.data()).is_ok());
  EXPECT_EQ(out, plain);
}

TEST(Hdf5Filters, SayWhatIsDamaged) {
  const std::string plain = random_bytes(400);
  Hdf5Unfilter unfilter({.filters = {Hdf5Filter::kDeflate, Hdf5Filter::kFletcher32},
                         .element_bytes = 4,
                         .chunk_bytes = plain.size()});
  std::string out(plain.size(), '\0');
  const auto message = [&](const std::string& stored, uint32_t mask) {
    return unfilter.undo(stored, mask, out.data()).message();
  };
  std::string wrong = with_checksum(compressed(plain));
  wrong[5] = static_cast<char>(wrong[5] ^ 1);
  EXPECT_EQ(message(wrong, 0),
            "a chunk with another checksum than was stored with it, expected the same; the file is "
            "damaged");
  EXPECT_EQ(message("abc", 0), "a chunk of 3 bytes, expected a checksum of 4");
  EXPECT_EQ(message("not a stream", 2),
            "a chunk with a damaged deflate stream, expected a sound one");
  EXPECT_EQ(message(compressed(plain + "more"), 2),
            "a chunk that does not inflate to 400 bytes, expected these");
  EXPECT_EQ(message("short", 3), "a chunk of 5 bytes, expected 400 bytes");
}

TEST(Hdf5Values, HalvesOfFloatsAreExact) {
  EXPECT_EQ(half_to_double(0x3c00), 1.0);
  EXPECT_EQ(half_to_double(0xc000), -2.0);
  EXPECT_EQ(half_to_double(0x7bff), 65504.0);
  EXPECT_EQ(half_to_double(0x0001), 0x1p-24);
  EXPECT_EQ(half_to_double(0x8000), 0.0);
  EXPECT_EQ(half_to_double(0x7c00), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(half_to_double(0x7e00)));
}

/// Reads files as the engine does.
class Hdf5Input : public testing::Test {
 protected:
  Hdf5Input() {
    serve_hdf5_by_built_program();
    for (const FieldSpec& field : spec_.fields) {
      if (field.default_text == "false") options_.set(field.name, false, 0);
    }
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  static FileSlice whole(const std::string& path) {
    struct stat about = {};
    EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
    return {.path = path, .size_bytes = static_cast<uint64_t>(about.st_size)};
  }

  void infer(const std::string& path) {
    const FileSlice slice = whole(path);
    Problems problems;
    Result<InputSchema> schema =
        spec_.infer(options_, limits_, {.headers = {slice}, .types = {slice}}, problems);
    ASSERT_TRUE(schema.is_ok()) << schema.status().message();
    for (const auto& problem : problems.list()) problem_ = problem.message.text();
    schema_ = *schema;
    input_.reset();
  }

  std::string columns() const {
    std::string text;
    for (const InputColumn& column : schema_.columns) {
      text += (text.empty() ? "" : " ") + column.name + ":" + std::string(type_name(column.type));
    }
    return text;
  }

  struct Read {
    Status status;
    std::vector<std::string> rows;
    std::vector<uint64_t> offsets;
    SliceEnd end;
  };

  Read read(const FileSlice& slice) {
    WantedColumns wanted;
    for (size_t i = 0; i < schema_.columns.size(); ++i) wanted.slots.push_back(i);
    wanted.slot_count = schema_.columns.size();
    wanted.offsets = WantedOffsets::kAll;
    if (input_ == nullptr) input_ = spec_.bind(options_, schema_, wanted);
    Read out;
    Result<std::unique_ptr<Reader>> reader = input_->open(slice, {.limits = limits_});
    out.status = reader.status();
    if (!out.status.is_ok()) return out;
    Batch batch;
    for (;;) {
      const Result<bool> more = (*reader)->next(batch);
      out.status = more.status();
      if (!out.status.is_ok() || !*more) break;
      for (size_t row = 0; row < batch.rows; ++row) {
        std::string text;
        for (const Column& column : batch.columns) {
          text += (text.empty() ? "" : "|") + cell(column, row);
        }
        out.rows.push_back(text);
        out.offsets.push_back(batch.offsets[row]);
      }
    }
    if (out.status.is_ok()) out.end = (*reader)->end();
    return out;
  }

  Read read(const std::string& path) {
    infer(path);
    return read(whole(path));
  }

  /// Why a file that a good one gave the schema for is bad.
  std::string reason(const std::string& path) { return read(whole(path)).status.message(); }

  static std::string cell(const Column& column, size_t row) {
    if (column.is_null(row)) return "null";
    switch (column.type) {
      case Type::kText:
        return std::string(column.text[row]);
      case Type::kInt:
      case Type::kTime:
        return std::to_string(column.ints[row]);
      case Type::kFloat:
        return fmt::format("{}", column.floats[row]);
      case Type::kBool:
        return column.bools[row] != 0 ? "true" : "false";
    }
    return {};
  }

  TempFolder folder_;
  InputSpec spec_ = input_hdf5();
  Options options_;
  ReadLimits limits_;
  InputSchema schema_;
  std::unique_ptr<BoundInput> input_;
  std::string problem_;
};

/// One dataset of whole numbers.
struct NumbersFile {
  explicit NumbersFile(const std::string& path)
      : file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {}

  void add(const char* name, const std::vector<hsize_t>& dims, const std::vector<int64_t>& values,
           const Handle& creation = Handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose)) const {
    const Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                       H5Sclose);
    const Handle dataset(H5Dcreate2(file.id(), name, H5T_STD_I64LE, space.id(), H5P_DEFAULT,
                                    creation.id(), H5P_DEFAULT),
                         H5Dclose);
    if (values.empty()) return;
    H5Dwrite(dataset.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }

  static Handle chunked(const std::vector<hsize_t>& dims) {
    Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_chunk(creation.id(), static_cast<int>(dims.size()), dims.data());
    return creation;
  }

  Handle file;
};

TEST_F(Hdf5Input, ReadsEveryKindOfColumn) {
  write_hdf5_records(path("a.h5"), 3, {});
  const Read found = read(path("a.h5"));
  EXPECT_EQ(columns(),
            "code:text id:int kind:text level:float m.0:int m.1:int m.2:int name:text x:float");
  EXPECT_THAT(found.rows,
              ElementsAre("c0|0|red|2.5|0|1|2|name 0 |-20", "c1|1|green|2.5|3|4|5|name 1 x|-19.125",
                          "c2|2|2|2.5|6|7|8|name 2 xxxx|-18.25"));
  EXPECT_THAT(found.offsets, ElementsAre(0, 1, 2));
  EXPECT_EQ(found.end.records, 3u);
}

TEST_F(Hdf5Input, ReadsTheSameHoweverItIsStoredAndCut) {
  write_hdf5_records(path("plain.h5"), 1000, {});
  const std::vector<std::string> expected = read(path("plain.h5")).rows;
  ASSERT_EQ(expected.size(), 1000u);
  for (const StoredAs& stored :
       {StoredAs{.chunk_rows = 1}, StoredAs{.chunk_rows = 64, .shuffle = true, .deflate = 6},
        StoredAs{.chunk_rows = 999, .fletcher32 = true},
        StoredAs{.chunk_rows = 4096, .shuffle = true, .deflate = 0}}) {
    write_hdf5_records(path("b.h5"), 1000, stored);
    const FileSlice all = whole(path("b.h5"));
    for (const uint64_t piece : {all.size_bytes, uint64_t{5000}, all.size_bytes / 3}) {
      limits_.chunk_bytes = piece % 1000 + 1;
      std::vector<std::string> rows;
      for (uint64_t begin = 0; begin < all.size_bytes; begin += piece) {
        FileSlice slice = all;
        slice.begin = begin;
        slice.end = begin + piece < all.size_bytes ? begin + piece : kEndOfFile;
        const Read found = read(slice);
        ASSERT_EQ(found.status.message(), "");
        rows.insert(rows.end(), found.rows.begin(), found.rows.end());
      }
      EXPECT_EQ(rows, expected) << stored.chunk_rows << " " << piece;
    }
  }
}

TEST_F(Hdf5Input, MakesARecordOfEachValue) {
  NumbersFile(path("m.h5")).add("deep", {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(read(path("m.h5")).rows, ElementsAre("1|2|3|4", "5|6|7|8"));
  EXPECT_EQ(columns(), "deep.0.0:int deep.0.1:int deep.1.0:int deep.1.1:int");
  options_.set("flatten", true, 3);
  limits_.chunk_bytes = 100;
  const Read found = read(path("m.h5"));
  EXPECT_EQ(columns(), "deep:int $index.0:int $index.1:int $index.2:int");
  EXPECT_THAT(found.rows, ElementsAre("1|0|0|0", "2|0|0|1", "3|0|1|0", "4|0|1|1", "5|1|0|0",
                                      "6|1|0|1", "7|1|1|0", "8|1|1|1"));
}

TEST_F(Hdf5Input, TakesDatasetsByNameAndPattern) {
  const NumbersFile file(path("g.h5"));
  for (const char* group : {"run1", "run2"}) {
    const Handle made(H5Gcreate2(file.file.id(), group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                      H5Gclose);
  }
  file.add("run1/x", {2}, {1, 2});
  file.add("run2/x", {2}, {3, 4});
  file.add("run2/y", {5}, {1, 2, 3, 4, 5});
  H5Lcreate_soft("/run1/x", file.file.id(), "linked", H5P_DEFAULT, H5P_DEFAULT);
  H5Fflush(file.file.id(), H5F_SCOPE_GLOBAL);
  const auto rows = [&](const std::vector<std::string>& datasets) {
    options_.set("datasets", datasets, 5);
    return read(path("g.h5")).rows;
  };
  EXPECT_THAT(rows({"/run1/x"}), ElementsAre("1", "2"));
  EXPECT_EQ(columns(), "run1.x:int");
  EXPECT_THAT(rows({"run2/x", "linked"}), ElementsAre("1|3", "2|4"));
  EXPECT_EQ(columns(), "linked:int run2.x:int");
  EXPECT_THAT(rows({"x"}), testing::IsEmpty()) << problem_;
  EXPECT_THAT(rows({"/run1/x", "run1/z", "/run2"}), ElementsAre("1", "2"));
  EXPECT_EQ(problem_,
            "dataset \"/run2\" cannot be opened as a dataset, expected a dataset that columns can "
            "be made of; mend the path in `datasets`, or leave it out");
  EXPECT_THAT(rows({"/*/x"}), ElementsAre("1|3", "2|4"));
  EXPECT_THAT(rows({"/run2/*"}), testing::IsEmpty());
  EXPECT_THAT(problem_,
              HasSubstr("datasets of different lengths: 2 rows in \"/run2/x\", 5 rows in "
                        "\"/run2/y\", expected one length; name those that belong together in "
                        "`datasets`"));
}

TEST_F(Hdf5Input, MakesNullsOfFillsAndNansIfAsked) {
  const Handle creation = NumbersFile::chunked({2});
  const int64_t fill = -9;
  H5Pset_fill_value(creation.id(), H5T_NATIVE_INT64, &fill);
  {
    const NumbersFile file(path("f.h5"));
    file.add("a", {4}, {1, -9, 3, -9}, creation);
    file.add("unwritten", {4}, {}, creation);
  }
  EXPECT_THAT(read(path("f.h5")).rows, ElementsAre("1|-9", "-9|-9", "3|-9", "-9|-9"));
  options_.set("fill_is_null", true, 3);
  EXPECT_THAT(read(path("f.h5")).rows, ElementsAre("1|null", "null|null", "3|null", "null|null"));
}

TEST_F(Hdf5Input, IsNotReadFromText) {
  const std::string content = "{}\n";
  Problems problems;
  const Result<InputSchema> schema =
      spec_.infer(options_, limits_, {.content = &content}, problems);
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].message.text(),
            "records as text for a job that reads hdf5, expected files; test its stages with "
            "records of another format: format = \"jsonl\"");
}

TEST_F(Hdf5Input, ShowsAttributesAsColumns) {
  {
    const NumbersFile file(path("a.h5"));
    file.add("x", {2}, {1, 2});
    const double scale = 0.25;
    const Handle one(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle dataset(H5Dopen2(file.file.id(), "x", H5P_DEFAULT), H5Dclose);
    const Handle attribute(
        H5Acreate2(dataset.id(), "scale", H5T_NATIVE_DOUBLE, one.id(), H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose);
    H5Awrite(attribute.id(), H5T_NATIVE_DOUBLE, &scale);
    const Handle text = text_type();
    const char* const title = "hello";
    const Handle named(
        H5Acreate2(file.file.id(), "title", text.id(), one.id(), H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose);
    H5Awrite(named.id(), text.id(), &title);
  }
  options_.set("attributes", std::vector<std::string>{"title", "x.scale", "none"}, 3);
  EXPECT_THAT(read(path("a.h5")).rows, ElementsAre("1|hello|0.25", "2|hello|0.25"));
  EXPECT_EQ(columns(), "x:int $attr.title:text $attr.x.scale:float");
}

TEST_F(Hdf5Input, KeepsOtherFilesOutUnlessTheyAreAllowed) {
  {
    const NumbersFile secret(path("secret.h5"));
    secret.add("s", {2}, {7, 8});
    const NumbersFile file(path("e.h5"));
    H5Lcreate_external("secret.h5", "/s", file.file.id(), "link", H5P_DEFAULT, H5P_DEFAULT);
    folder_.write("raw.bin", std::string(16, '\1'));
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_external(creation.id(), path("raw.bin").c_str(), 0, 16);
    file.add("raw", {2}, {}, creation);
  }
  options_.set("datasets", std::vector<std::string>{"link", "raw"}, 3);
  EXPECT_EQ(read(path("e.h5")).status.message(),
            "none of the datasets \"link\", \"raw\" (\"/link\": cannot be opened as a dataset, "
            "\"/raw\": has its values in other files; external = true reads them), expected at "
            "least one; see `datasets` in [input]");
  options_.set("external", true, 3);
  EXPECT_THAT(read(path("e.h5")).rows, ElementsAre("7|72340172838076673", "8|72340172838076673"));
}

void patch(const std::string& path, const std::string& content, size_t at, char byte) {
  std::string changed = content;
  changed[at] = byte;
  std::ofstream(path, std::ios::binary) << changed;
}

TEST_F(Hdf5Input, SaysWhatIsWrongWithBadFiles) {
  const StoredAs packed = {.chunk_rows = 50, .deflate = 6, .fletcher32 = true};
  write_hdf5_records(path("good.h5"), 200, packed);
  infer(path("good.h5"));
  const std::string good = read_file(path("good.h5"));
  folder_.write("empty.h5", "");
  EXPECT_THAT(reason(path("empty.h5")), HasSubstr("the HDF5 library cannot open it: "));
  folder_.write("text.h5", "id,x\n1,2\n");
  EXPECT_EQ(reason(path("text.h5")), "the HDF5 library cannot open it: file signature not found");
  folder_.write("cut.h5", std::string_view(good).substr(0, good.size() / 2));
  EXPECT_THAT(reason(path("cut.h5")), HasSubstr("the HDF5 library cannot open it: truncated file"));
  NumbersFile(path("lengths.h5")).add("id", {3}, {1, 2, 3});
  EXPECT_EQ(reason(path("lengths.h5")), "") << "what a file does not have is null";
  {
    const NumbersFile other(path("lengths2.h5"));
    other.add("id", {3}, {1, 2, 3});
    other.add("x", {2}, {1, 2});
  }
  EXPECT_THAT(reason(path("lengths2.h5")),
              HasSubstr("datasets of different lengths: 2 rows in \"/x\", 3 rows in \"/id\""));
  const NumbersFile wide(path("wide.h5"));
  wide.add("id", {1, 20'000}, {});
  H5Fflush(wide.file.id(), H5F_SCOPE_GLOBAL);
  EXPECT_EQ(reason(path("wide.h5")),
            "dataset \"/id\" of 1 x 20,000 would be 20,000 columns, expected at most 10,000; "
            "flatten = true makes a record of each value");
  const NumbersFile none(path("none.h5"));
  H5Fflush(none.file.id(), H5F_SCOPE_GLOBAL);
  EXPECT_EQ(reason(path("none.h5")),
            "no dataset that columns can be made of, expected at least one; see `datasets` in "
            "[input]");
  {
    const NumbersFile huge(path("huge.h5"));
    huge.add("id", {uint64_t{1} << 40}, {}, NumbersFile::chunked({uint64_t{1} << 28}));
  }
  EXPECT_EQ(reason(path("huge.h5")),
            "dataset \"/id\": needs 2.00 GiB of memory at once, expected at most 128 MiB; raise "
            "window_bytes_max, or store it in smaller chunks");
  FileSlice grown = whole(path("good.h5"));
  ++grown.size_bytes;
  EXPECT_EQ(read(grown).status.message(),
            fmt::format("has {} bytes, expected {} bytes as listed; it changed",
                        fmt::format("{},{:03}", good.size() / 1000, good.size() % 1000),
                        fmt::format("{},{:03}", grown.size_bytes / 1000, grown.size_bytes % 1000)));
  FileSlice touched = whole(path("good.h5"));
  touched.mtime_ns = 1;
  EXPECT_EQ(read(touched).status.message(),
            "was written to, expected it as it was listed; run again when it is complete");
}

TEST_F(Hdf5Input, TellsDamagedChunksByTheirPlace) {
  const StoredAs packed = {.chunk_rows = 50, .deflate = 6, .fletcher32 = true};
  write_hdf5_records(path("good.h5"), 200, packed);
  infer(path("good.h5"));
  const std::string good = read_file(path("good.h5"));
  const size_t stream = good.find("\x78\x9c");
  const size_t best = stream != std::string::npos ? stream : good.find("\x78\x5e");
  ASSERT_NE(best, std::string::npos);
  patch(path("bad.h5"), good, best + 20, static_cast<char>(good[best + 20] ^ 0x40));
  EXPECT_THAT(
      reason(path("bad.h5")),
      testing::MatchesRegex("dataset \"/[mx]\": byte [0-9,]*: a chunk with another checksum "
                            "than was stored with it, expected the same; the file is "
                            "damaged"));
}

TEST_F(Hdf5Input, SurvivesAnyByte) {
  const StoredAs packed = {.chunk_rows = 50, .shuffle = true, .deflate = 6};
  write_hdf5_records(path("good.h5"), 120, packed);
  infer(path("good.h5"));
  const std::string good = read_file(path("good.h5"));
  std::mt19937 random(3);
  size_t bad = 0;
  for (int i = 0; i < 150; ++i) {
    const size_t at = i < 100 ? random() % 4096 % good.size() : random() % good.size();
    patch(path("bad.h5"), good, at, static_cast<char>(random()));
    const Status status = read(whole(path("bad.h5"))).status;
    bad += status.is_ok() ? 0 : 1;
    EXPECT_TRUE(status.is_ok() || status.code() == Code::kBadFile) << at << status.message();
  }
  EXPECT_GT(bad, 10u);
}

/// A program in place of the server.
class BadServer : public Hdf5Input {
 protected:
  ~BadServer() override { serve_hdf5_by_built_program(); }

  std::string reason_with(const std::string& script) {
    write_hdf5_records(path("good.h5"), 20, {});
    infer(path("good.h5"));
    const std::string program = folder_.write("server", "#!/bin/sh\n" + script);
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    ::setenv("SHARDMILL_PROGRAM", program.c_str(), 1);
    input_.reset();
    const std::string message = reason(path("good.h5"));
    serve_hdf5_by_built_program();
    return message;
  }
};

TEST_F(BadServer, ItsCrashIsABadFile) {
  EXPECT_EQ(reason_with("exit 139"),
            "the library crashes on it (signal 11), expected a sound HDF5 file");
  EXPECT_EQ(reason_with("exit 99"), "the library gives up on it, expected a sound HDF5 file");
  EXPECT_EQ(reason_with("exit 152"),
            "the library takes more than 60 s for one answer (signal 24), expected a sound HDF5 "
            "file");
}

TEST_F(BadServer, ItsAnswersAreNotTrusted) {
  EXPECT_EQ(reason_with(R"(printf '\377\377\377\377\377\0\0\0\0'; sleep 5)"),
            "an answer of 1,099,511,627,775 bytes, expected at most 67,108,864 bytes");
  EXPECT_EQ(reason_with(R"(printf '\005\0\0\0\0\0\0\0\0abcd'; sleep 5)"),
            "sizes in it contradict each other, expected a sound HDF5 file");
}

}  // namespace
}  // namespace shardmill
