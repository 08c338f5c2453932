// What the process takes from the heap, counted exactly and held below a limit.
//
// operator new is replaced by one that counts, so every container counts, whoever owns it. Code
// that wants memory it can grow in place takes it from `heap_grow`. What C libraries allocate for
// themselves (windows of decompressors, HDF5, MPI) is not seen here; the plan of the memory keeps
// room for it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shardmill {

/// Blocks of at least this size are refused (std::bad_alloc) where they would exceed the limit.
/// Smaller ones never are: they hold messages and paths that are needed to say so.
inline constexpr size_t kHeapRefusedBytes = 64 << 10;

/// Bytes that are held now, with a possible error of 64 KiB for each thread. Any thread.
uint64_t heap_bytes();

/// The limit of `heap_bytes` from now on; 0: none, as at the start. Any thread.
void limit_heap(uint64_t most);

/// std::realloc, counted. What was held stays valid if it throws std::bad_alloc. Large blocks grow
/// without being copied, so that old and new are never held together. `bytes` > 0.
void* heap_grow(void* block, size_t bytes);
/// std::calloc, counted. Throws std::bad_alloc.
void* heap_zeroed(size_t bytes);
/// For what the two functions above gave. nullptr is fine.
void heap_free(void* block);

/// Blocks of a size from here on go straight to the system when they are freed, whatever was freed
/// before: without this the process may keep several times what it holds. For a process of `most`
/// bytes: the fewer, the smaller the blocks, which costs time. While no other thread allocates.
void return_freed_blocks(uint64_t most);

/// Bytes of the process that are in memory now; 0 if unknown. About 2 us.
uint64_t resident_bytes();

}  // namespace shardmill
