// The heap is counted, whoever takes from it, and held below a limit.
#include "pipeline/base/heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace shardmill {
namespace {

constexpr uint64_t kMiB = 1 << 20;

/// What one test leaves, the next one is not to see.
class Heap : public testing::Test {
 protected:
  ~Heap() override { limit_heap(0); }
};

TEST_F(Heap, CountsWhatContainersHold) {
  const uint64_t before = heap_bytes();
  {
    const std::vector<char> bytes(32 * kMiB);
    EXPECT_GE(heap_bytes(), before + 31 * kMiB);
    EXPECT_LE(heap_bytes(), before + 33 * kMiB);
  }
  EXPECT_LE(heap_bytes(), before + kMiB);
}

TEST_F(Heap, CountsManySmallBlocks) {
  const uint64_t before = heap_bytes();
  std::vector<std::unique_ptr<char[]>> blocks(100'000);
  for (auto& block : blocks) block = std::make_unique<char[]>(100);
  EXPECT_GE(heap_bytes(), before + 10 * kMiB);
  blocks.clear();
  blocks.shrink_to_fit();
  EXPECT_LE(heap_bytes(), before + kMiB);
}

TEST_F(Heap, CountsWhatAnotherThreadFrees) {
  const uint64_t before = heap_bytes();
  auto bytes = std::make_unique<std::vector<char>>(16 * kMiB);
  std::thread([&] { bytes.reset(); }).join();
  EXPECT_LE(heap_bytes(), before + kMiB);
}

TEST_F(Heap, RefusesLargeBlocksBeyondItsLimit) {
  limit_heap(heap_bytes() + 8 * kMiB);
  EXPECT_THROW(std::vector<char>(16 * kMiB), std::bad_alloc);
  EXPECT_NO_THROW(std::vector<char>(4 * kMiB));
  std::vector<std::vector<char>> several;
  several.reserve(10);
  EXPECT_THROW(for (int i = 0; i < 10; ++i) several.emplace_back(kMiB), std::bad_alloc);
  limit_heap(0);
  EXPECT_NO_THROW(std::vector<char>(16 * kMiB));
}

TEST_F(Heap, GivesSmallBlocksEvenThen) {
  limit_heap(1);
  EXPECT_NO_THROW(std::vector<char>(1000));
  EXPECT_THROW(std::vector<char>(64 << 10), std::bad_alloc);
}

TEST_F(Heap, GrowsInPlaceAndKeepsWhatWasHeldIfItCannot) {
  char* block = static_cast<char*>(heap_grow(nullptr, 4 * kMiB));
  std::memset(block, 7, 4 * kMiB);
  limit_heap(heap_bytes() + 6 * kMiB);
  EXPECT_THROW(heap_grow(block, 16 * kMiB), std::bad_alloc);
  EXPECT_EQ(block[4 * kMiB - 1], 7);
  // Only what is new counts: 4 MiB more fit below the limit of 6.
  block = static_cast<char*>(heap_grow(block, 8 * kMiB));
  EXPECT_EQ(block[4 * kMiB - 1], 7);
  heap_free(block);
}

TEST_F(Heap, GivesZeroedBlocks) {
  char* block = static_cast<char*>(heap_zeroed(kMiB));
  EXPECT_EQ(block[0] + block[kMiB - 1], 0);
  heap_free(block);
  heap_free(nullptr);
}

TEST_F(Heap, KnowsWhatIsInMemory) {
  const uint64_t before = resident_bytes();
  const std::vector<char> bytes(32 * kMiB, 'x');
  EXPECT_GE(resident_bytes(), before + 24 * kMiB);
}

}  // namespace
}  // namespace shardmill
