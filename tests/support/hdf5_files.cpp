#include "tests/support/hdf5_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "pipeline/formats/hdf5_objects.h"

namespace shardmill {

namespace {

class TestFile {
 public:
  explicit TestFile(const std::string& path)
      : file_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {
    EXPECT_TRUE(file_.is_ok()) << path;
  }

  void write(const char* name, hid_t type, const std::vector<hsize_t>& dims, const void* values,
             const StoredAs& stored = {}) {
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (stored.chunk_rows > 0 && !dims.empty()) {
      std::vector<hsize_t> chunk = dims;
      chunk[0] = stored.chunk_rows;
      if (dims.size() > 1) chunk[1] = 2;
      H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data());
      if (stored.shuffle) H5Pset_shuffle(creation.id());
      if (stored.deflate >= 0) H5Pset_deflate(creation.id(), static_cast<unsigned>(stored.deflate));
      if (stored.fletcher32) H5Pset_fletcher32(creation.id());
    }
    const std::vector<hsize_t> most(dims.size(), H5S_UNLIMITED);
    const Handle space(dims.empty()
                           ? H5Screate(H5S_SCALAR)
                           : H5Screate_simple(static_cast<int>(dims.size()), dims.data(),
                                              stored.chunk_rows > 0 ? most.data() : nullptr),
                       H5Sclose);
    const Handle dataset(
        H5Dcreate2(file_.id(), name, type, space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
        H5Dclose);
    EXPECT_GE(H5Dwrite(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0) << name;
  }

 private:
  Handle file_;
};

}  // namespace

void serve_hdf5_by_built_program() {
  ::setenv("SHARDMILL_PROGRAM", SHARDMILL_BINARY, 1);
}

void write_hdf5_records(const std::string& path, uint64_t rows, const StoredAs& stored) {
  TestFile file(path);
  std::vector<int32_t> ids;
  std::vector<double> numbers;
  std::vector<int8_t> kinds;
  std::vector<std::string> names;
  std::vector<const char*> name_pointers;
  std::string codes;
  std::vector<int16_t> matrix;
  for (uint64_t i = 0; i < rows; ++i) {
    ids.push_back(static_cast<int32_t>(i));
    numbers.push_back(static_cast<double>(i * 7 % 1000) / 8 - 20);
    kinds.push_back(static_cast<int8_t>(i % 3));
    names.push_back(fmt::format("name {} {}", i, std::string(i * i % 23, 'x')));
    codes += fmt::format("{:<6}", fmt::format("c{}", i % 97));
    for (int k = 0; k < 3; ++k) matrix.push_back(static_cast<int16_t>(i * 3 + k));
  }
  for (const std::string& name : names) name_pointers.push_back(name.c_str());
  const Handle kind(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const char* const kind_names[] = {"red", "green"};  // 2 has no name
  for (int8_t i = 0; i < 2; ++i) H5Tenum_insert(kind.id(), kind_names[i], &i);
  const Handle code(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(code.id(), 6);
  H5Tset_strpad(code.id(), H5T_STR_SPACEPAD);
  const Handle text = text_type();
  const float level = 2.5;
  file.write("id", H5T_NATIVE_INT32, {rows}, ids.data());
  file.write("x", H5T_NATIVE_DOUBLE, {rows}, numbers.data(), stored);
  file.write("kind", kind.id(), {rows}, kinds.data());
  file.write("name", text.id(), {rows}, name_pointers.data());
  file.write("code", code.id(), {rows}, codes.data());
  file.write("m", H5T_NATIVE_INT16, {rows, 3}, matrix.data(), stored);
  file.write("level", H5T_NATIVE_FLOAT, {}, &level);
}

}  // namespace shardmill
