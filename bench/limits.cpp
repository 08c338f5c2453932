// What the machine itself can do, for scripts/bench to judge rates by:
//
//   limits read THREADS FILE...     reads into buffers of 128 KiB that stay in the cache
//   limits scan THREADS FILE...     the same, and counts newlines
//   limits gunzip THREADS FILE...   decompresses what is in memory, by ISA-L, and looks at nothing
//   limits memory THREADS           reads memory that does not fit into a cache
//
// Prints seconds and bytes: those on disk, for gunzip those that come out.
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "inputs/support/text_kernels.h"
#include "inputs/support/text_window.h"

namespace {

constexpr size_t kBufferBytes = 128 << 10;
constexpr size_t kMemoryBytes = 256 << 20;

struct Work {
  std::vector<std::string> files;
  std::vector<std::string> packed;  ///< contents, read before the clock starts
  std::vector<uint64_t> memory;
  std::atomic<size_t> next = 0;
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> seen = 0;  ///< keeps the compiler from leaving work out
};

std::vector<char> buffer() {
  return std::vector<char>(kBufferBytes + shardmill::kTextPadding);
}

void read_files(Work& work, bool counts_newlines) {
  std::vector<char> room = buffer();
  for (size_t i = work.next++; i < work.files.size(); i = work.next++) {
    const int file = ::open(work.files[i].c_str(), O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    while ((got = ::read(file, room.data(), kBufferBytes)) > 0) {
      work.bytes += static_cast<uint64_t>(got);
      const std::string_view text(room.data(), static_cast<size_t>(got));
      if (counts_newlines) work.seen += shardmill::count_newlines(text);
    }
    ::close(file);
  }
}

void gunzip(Work& work) {
  std::vector<char> room = buffer();
  for (size_t i = work.next++; i < work.packed.size(); i = work.next++) {
    inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    state.next_in = reinterpret_cast<uint8_t*>(work.packed[i].data());
    state.avail_in = static_cast<uint32_t>(work.packed[i].size());
    while (state.block_state != ISAL_BLOCK_FINISH) {
      state.next_out = reinterpret_cast<uint8_t*>(room.data());
      state.avail_out = kBufferBytes;
      if (isal_inflate(&state) != ISAL_DECOMP_OK || state.avail_out == kBufferBytes) break;
      work.bytes += kBufferBytes - state.avail_out;
    }
  }
}

std::string content_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  std::string content(static_cast<size_t>(std::max<std::streamoff>(stream.tellg(), 0)), '\0');
  stream.seekg(0);
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}

void read_memory(Work& work) {
  for (int round = 0; round < 16; ++round) {
    work.seen += std::accumulate(work.memory.begin(), work.memory.end(), uint64_t{0});
    work.bytes += kMemoryBytes;
  }
}

std::function<void(Work&)> work_of(std::string_view mode) {
  if (mode == "read") return [](Work& work) { read_files(work, false); };
  if (mode == "scan") return [](Work& work) { read_files(work, true); };
  if (mode == "gunzip") return gunzip;
  if (mode == "memory") return read_memory;
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const auto todo = argc >= 3 ? work_of(argv[1]) : nullptr;
  if (!todo) {
    std::fprintf(stderr,
                 "limits: expected read, scan, gunzip or memory, then threads, then files\n");
    return 2;
  }
  Work work;
  work.files.assign(argv + 3, argv + argc);
  if (argv[1] == std::string_view("gunzip")) {
    for (const std::string& file : work.files) work.packed.push_back(content_of(file));
  }
  if (argv[1] == std::string_view("memory")) work.memory.assign(kMemoryBytes / sizeof(uint64_t), 1);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = std::atoi(argv[2]); i > 0; --i) threads.emplace_back([&] { todo(work); });
  for (std::thread& thread : threads) thread.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%.6f %llu\n", seconds, static_cast<unsigned long long>(work.bytes.load()));
  return work.seen == 1 ? 1 : 0;
}
