#include "pipeline/run/hdf5_file.h"

#include <gtest/gtest.h>

#include "pipeline/core/binary_row.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

/// A temporary file with one block of one row, in which `column` is 7 or "seven".
class Hdf5File : public testing::Test {
 protected:
  void write_block(const Hdf5OutputColumn& column) {
    shape_ = {.columns = {column}, .chunk_rows = 1};
    std::string row(1, '\0');
    row += column.type == Type::kText ? std::string("\5seven") : std::string("\7\0\0\0\0\0\0\0", 8);
    std::string block(kHdf5HeadBytes, '\0');
    ASSERT_TRUE(Hdf5BlockMaker().append(row, 1, shape_, block).is_ok());
    folder_.write("temporary", block);
  }
  Status finish(const std::function<Status()>& check_lock) {
    return write_hdf5(
        {.root = folder_.path().string(), .relative = "x.h5", .temporary = "temporary"}, shape_, 1,
        check_lock);
  }
  std::string bytes() { return read_file(folder_.path() / "temporary"); }

  TempFolder folder_;
  Hdf5OutputShape shape_;
};

TEST_F(Hdf5File, IsMadeOfTheBlocksWhereTheyStand) {
  write_block({.name = "x", .type = Type::kInt});
  const std::string block = bytes().substr(kHdf5HeadBytes);
  ASSERT_TRUE(finish([] { return Status(); }).is_ok());
  EXPECT_EQ(bytes().substr(0, 4), "\x89HDF");
  EXPECT_EQ(bytes().substr(kHdf5HeadBytes, block.size()), block);
}

// A process that slept while another one took the run over must not touch that one's files.
TEST_F(Hdf5File, IsLeftAloneOnceTheLockIsLost) {
  for (const Hdf5OutputColumn& column :
       {Hdf5OutputColumn{.name = "x", .type = Type::kInt},
        Hdf5OutputColumn{.name = "x", .type = Type::kText, .text_bytes = 0}}) {
    write_block(column);
    const std::string before = bytes();
    EXPECT_EQ(finish([] { return Status::failed("taken over"); }).message(), "taken over");
    EXPECT_EQ(bytes(), before);
    ASSERT_TRUE(finish([] { return Status(); }).is_ok());
    EXPECT_NE(bytes(), before);
  }
}

TEST_F(Hdf5File, IsNotMadeOfBlocksThatAreCut) {
  write_block({.name = "x", .type = Type::kInt});
  const std::string whole = bytes();
  for (const size_t size : {kHdf5HeadBytes + 8, kHdf5HeadBytes + 20, whole.size() - 1}) {
    folder_.write("temporary", std::string_view(whole).substr(0, size));
    EXPECT_FALSE(finish([] { return Status(); }).is_ok()) << size;
  }
}

}  // namespace
}  // namespace shardmill
