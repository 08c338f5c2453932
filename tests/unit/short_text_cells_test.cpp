#include "stages/support/short_text_cells.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "stages/support/short_text.h"

namespace shardmill {
namespace {

/// Two pages, of which the second must not be touched.
class EndOfMemory {
 public:
  EndOfMemory()
      : bytes_(static_cast<char*>(
            mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    mprotect(bytes_ + kPage, kPage, PROT_NONE);
  }
  ~EndOfMemory() { munmap(bytes_, 2 * kPage); }
  char* end() { return bytes_ + kPage; }

 private:
  static constexpr size_t kPage = 4096;
  char* bytes_;
};

void expect_equal(const std::vector<std::string_view>& texts) {
  std::vector<ShortTextCell> cells(texts.size()), plain(texts.size());
  std::vector<uint64_t> hashes(texts.size()), plain_hashes(texts.size());
  short_text_cells(texts.data(), texts.size(), cells.data(), hashes.data());
  short_text_cells_scalar(texts.data(), texts.size(), plain.data(), plain_hashes.data());
  EXPECT_EQ(hashes, plain_hashes);
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(cells[i].words[0], plain[i].words[0]) << texts[i];
    ASSERT_EQ(cells[i].words[1], plain[i].words[1]) << texts[i];
    if (texts[i].size() > kShortTextBytes) {
      ASSERT_EQ(cells[i].words[1], kNoShortText);
      continue;
    }
    const auto* const bytes = reinterpret_cast<const char*>(cells[i].words);
    ASSERT_EQ(std::string_view(bytes, texts[i].size()), texts[i]);
    ASSERT_EQ(cells[i].words[1] >> kShortTextKindShift, texts[i].size());
  }
}

TEST(ShortTextCells, AreThoseOfThePlainVersionForAnyBytes) {
  std::mt19937_64 random(1);
  std::string bytes(4096, ' ');
  for (char& c : bytes) c = static_cast<char>(random());
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < 4000; ++i) {
    texts.push_back(std::string_view(bytes).substr(random() % 4000, random() % 20));
  }
  expect_equal(texts);
}

TEST(ShortTextCells, ReadNothingBehindTheEndOfMemory) {
  EndOfMemory memory;
  std::memset(memory.end() - 64, 'x', 64);
  std::vector<std::string_view> texts;
  for (size_t size = 0; size < 20; ++size) texts.emplace_back(memory.end() - size, size);
  texts.emplace_back();
  expect_equal(texts);
}

}  // namespace
}  // namespace shardmill
