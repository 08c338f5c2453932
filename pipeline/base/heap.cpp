#include "pipeline/base/heap.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <new>

namespace shardmill {

namespace {

constexpr int64_t kFlushedBytes = 64 << 10;
/// Blocks of this size have pages of their own: this part of the memory, within bounds. At 4 MiB
/// nothing is given back and taken again from unit to unit.
constexpr uint64_t kDirectPart = 256;
constexpr uint64_t kDirectBytesLeast = 128 << 10;
constexpr uint64_t kDirectBytesMost = 4 << 20;

// The only mutable globals of the program: what they count is the process's, and operator new has
// no other place to look.
std::atomic<int64_t> held = 0;
std::atomic<int64_t> held_most = 0;
thread_local int64_t not_told = 0;

void count(int64_t bytes) {
  not_told += bytes;
  if (not_told > -kFlushedBytes && not_told < kFlushedBytes) [[likely]]
    return;
  held.fetch_add(not_told, std::memory_order_relaxed);
  not_told = 0;
}

int64_t usable(void* block) {
  return static_cast<int64_t>(malloc_usable_size(block));
}

/// Before a block is taken, so that two threads cannot both take the last bytes.
class Claim {
 public:
  explicit Claim(size_t bytes) : bytes_(static_cast<int64_t>(bytes)) {
    if (bytes < kHeapRefusedBytes) return;
    const int64_t most = held_most.load(std::memory_order_relaxed);
    const int64_t before = held.fetch_add(bytes_, std::memory_order_relaxed);
    claimed_ = true;
    if (most > 0 && before + bytes_ > most) {
      held.fetch_sub(bytes_, std::memory_order_relaxed);
      throw std::bad_alloc();
    }
  }
  ~Claim() {
    if (claimed_) held.fetch_sub(bytes_, std::memory_order_relaxed);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  int64_t bytes_;
  bool claimed_ = false;
};

void* counted_block(size_t bytes, bool zeroed) {
  const Claim claim(bytes);
  bytes = bytes == 0 ? 1 : bytes;
  void* const block = zeroed ? std::calloc(bytes, 1) : std::malloc(bytes);
  if (block == nullptr) throw std::bad_alloc();
  count(usable(block));
  return block;
}

}  // namespace

uint64_t heap_bytes() {
  const int64_t bytes = held.load(std::memory_order_relaxed);
  return bytes < 0 ? 0 : static_cast<uint64_t>(bytes);
}

void limit_heap(uint64_t most) {
  held_most.store(most > INT64_MAX ? INT64_MAX : static_cast<int64_t>(most),
                  std::memory_order_relaxed);
}

void* heap_grow(void* block, size_t bytes) {
  const int64_t before = block == nullptr ? 0 : usable(block);
  const bool grows = static_cast<int64_t>(bytes) > before;
  const Claim claim(grows ? bytes - static_cast<size_t>(before) : 0);
  void* const grown = std::realloc(block, bytes);
  if (grown == nullptr) throw std::bad_alloc();
  count(usable(grown) - before);
  return grown;
}

void* heap_zeroed(size_t bytes) {
  return counted_block(bytes, true);
}

void heap_free(void* block) {
  if (block == nullptr) return;
  count(-usable(block));
  std::free(block);
}

void return_freed_blocks(uint64_t most) {
  const auto direct =
      static_cast<int>(std::clamp(most / kDirectPart, kDirectBytesLeast, kDirectBytesMost));
  // Once set, the threshold no longer rises with what is freed.
  mallopt(M_MMAP_THRESHOLD, direct);
  mallopt(M_TRIM_THRESHOLD, 2 * direct);
}

uint64_t resident_bytes() {
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128];
  const ssize_t size = ::read(file, text, sizeof text);
  ::close(file);
  if (size <= 0) return 0;
  const char* const end = text + size;
  const char* at = text;
  while (at < end && *at != ' ') ++at;  // the first number is the size of the address space
  uint64_t pages = 0;
  if (at < end) std::from_chars(at + 1, end, pages);
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace shardmill

// ThreadSanitizer brings its own and suffers no others; nothing but what asks by itself counts
// then.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHARDMILL_FOREIGN_NEW
#endif
#endif

#ifndef SHARDMILL_FOREIGN_NEW

void* operator new(size_t bytes) {
  return shardmill::counted_block(bytes, false);
}

// All forms but those for overaligned types, so that what one gives the other takes, whatever
// stands behind them (the sanitizers have forms of their own).
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return shardmill::counted_block(bytes, false);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* operator new[](size_t bytes) {
  return shardmill::counted_block(bytes, false);
}

void* operator new[](size_t bytes, const std::nothrow_t& nothrow) noexcept {
  return operator new(bytes, nothrow);
}

void operator delete(void* block) noexcept {
  shardmill::heap_free(block);
}

void operator delete(void* block, size_t) noexcept {
  shardmill::heap_free(block);
}

void operator delete(void* block, const std::nothrow_t&) noexcept {
  shardmill::heap_free(block);
}

void operator delete[](void* block) noexcept {
  shardmill::heap_free(block);
}

void operator delete[](void* block, size_t) noexcept {
  shardmill::heap_free(block);
}

void operator delete[](void* block, const std::nothrow_t&) noexcept {
  shardmill::heap_free(block);
}

#endif  // SHARDMILL_FOREIGN_NEW
