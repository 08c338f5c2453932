#include "stages/support/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "pipeline/base/check.h"
#include "pipeline/base/heap.h"

namespace shardmill {

namespace {

constexpr unsigned kIndexBits = 14;
constexpr unsigned kRankMax = 64 - kIndexBits + 1;  // 51
constexpr uint32_t kListMax = 3072;                 // 3/4 of 4,096 entries of 4 bytes: 16 KiB
constexpr uint8_t kFormHashes = 0;
constexpr uint8_t kFormRegisters = 1;

/// A list entry: register << 6 | rank; ranks are at least 1, so 0 is free.
uint32_t list_entry(uint32_t index, uint8_t rank) {
  return index << 6 | rank;
}
uint32_t entry_index(uint32_t entry) {
  return entry >> 6;
}
uint8_t entry_rank(uint32_t entry) {
  return static_cast<uint8_t>(entry & 63);
}

uint32_t register_of(uint64_t hash) {
  return static_cast<uint32_t>(hash >> (64 - kIndexBits));
}
uint8_t rank_of(uint64_t hash) {
  // The bit behind the rest gives kRankMax where the rest is 0.
  const uint64_t rest = hash << kIndexBits | uint64_t{1} << (kIndexBits - 1);
  return static_cast<uint8_t>(__builtin_clzll(rest) + 1);
}

/// x + sum of x^(2^k) * 2^(k-1), k from 1.
double sigma(double x) {
  double power = 1;
  double sum = x;
  for (double last = -1; sum != last; power += power) {
    x = x * x;
    last = sum;
    sum += x * power;
  }
  return sum;
}

/// (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k) / 3, k from 1.
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double power = 1;
  double sum = 1 - x;
  for (double last = -1; sum != last;) {
    x = std::sqrt(x);
    last = sum;
    power *= 0.5;
    sum -= (1 - x) * (1 - x) * power;
  }
  return sum / 3;
}

}  // namespace

DistinctSet::~DistinctSet() {
  release();
}

DistinctSet::DistinctSet(DistinctSet&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_log2_(std::exchange(other.capacity_log2_, 0)),
      form_(std::exchange(other.form_, Form::kHashes)) {}

DistinctSet& DistinctSet::operator=(DistinctSet&& other) noexcept {
  if (this == &other) return *this;
  release();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  capacity_log2_ = std::exchange(other.capacity_log2_, 0);
  form_ = std::exchange(other.form_, Form::kHashes);
  return *this;
}

void DistinctSet::release() {
  heap_free(data_);
  data_ = nullptr;
}

void DistinctSet::add(uint64_t hash, uint32_t limit) {
  hash += hash == 0 ? 1 : 0;  // 0 marks a free place, so it is no hash in any form
  if (form_ != Form::kHashes) {
    add_register(register_of(hash), rank_of(hash));
    return;
  }
  if (insert_hash(hash) && size_ > limit) hashes_to_registers();
}

void DistinctSet::add_all(const uint64_t* hashes, size_t count, uint32_t limit) {
  size_t at = 0;
  for (; at < count && form_ != Form::kArray; ++at) add(hashes[at], limit);
  if (at == count) return;
  // Without a branch: one in ten values raises a register while there are few of them.
  uint8_t* const registers = array();
  uint32_t begun = 0;
  for (; at < count; ++at) {
    const uint64_t hash = hashes[at] + (hashes[at] == 0 ? 1 : 0);
    uint8_t& best = registers[register_of(hash)];
    begun += best == 0 ? 1 : 0;
    best = std::max(best, rank_of(hash));
  }
  size_ += begun;
}

/// True if it was not a member.
bool DistinctSet::insert_hash(uint64_t hash) {
  if (size_ + 1 > capacity() / 4 * 3) grow_hashes();
  const uint32_t mask = capacity() - 1;
  uint64_t* const table = hashes();
  uint32_t at = static_cast<uint32_t>(hash) & mask;
  for (; table[at] != 0; at = (at + 1) & mask) {
    if (table[at] == hash) return false;
  }
  table[at] = hash;
  ++size_;
  return true;
}

void DistinctSet::grow_hashes() {
  uint64_t* const old = hashes();
  const uint32_t old_capacity = capacity();
  capacity_log2_ = capacity_log2_ == 0 ? 2 : capacity_log2_ + 1;
  data_ = heap_zeroed(capacity() * sizeof(uint64_t));
  const uint32_t mask = capacity() - 1;
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] == 0) continue;
    uint32_t at = static_cast<uint32_t>(old[i]) & mask;
    while (hashes()[at] != 0) at = (at + 1) & mask;
    hashes()[at] = old[i];
  }
  heap_free(old);
}

void DistinctSet::hashes_to_registers() {
  uint64_t* const old = hashes();
  const uint32_t old_capacity = capacity();
  form_ = Form::kList;
  size_ = 0;
  capacity_log2_ = 0;
  data_ = nullptr;
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] != 0) add_register(register_of(old[i]), rank_of(old[i]));
  }
  heap_free(old);
}

void DistinctSet::add_register(uint32_t index, uint8_t rank) {
  if (form_ == Form::kArray) {
    size_ += array()[index] == 0 ? 1 : 0;
    array()[index] = std::max(array()[index], rank);
    return;
  }
  if (size_ + 1 > capacity() / 4 * 3) {
    grow_list();
    if (form_ == Form::kArray) {
      add_register(index, rank);
      return;
    }
  }
  const uint32_t mask = capacity() - 1;
  uint32_t at = (index * 0x9E3779B1u) >> (32 - capacity_log2_);
  for (; list()[at] != 0; at = (at + 1) & mask) {
    if (entry_index(list()[at]) != index) continue;
    list()[at] = std::max(list()[at], list_entry(index, rank));
    return;
  }
  list()[at] = list_entry(index, rank);
  ++size_;
}

void DistinctSet::grow_list() {
  if (size_ >= kListMax) {
    list_to_array();
    return;
  }
  uint32_t* const old = list();
  const uint32_t old_capacity = capacity();
  capacity_log2_ = capacity_log2_ == 0 ? 6 : capacity_log2_ + 1;
  data_ = heap_zeroed(capacity() * sizeof(uint32_t));
  size_ = 0;
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] != 0) add_register(entry_index(old[i]), entry_rank(old[i]));
  }
  heap_free(old);
}

void DistinctSet::list_to_array() {
  uint32_t* const old = list();
  const uint32_t old_capacity = capacity();
  form_ = Form::kArray;
  capacity_log2_ = 0;
  size_ = 0;
  data_ = heap_zeroed(kRegisters);
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] != 0) add_register(entry_index(old[i]), entry_rank(old[i]));
  }
  heap_free(old);
}

/// Calls visit(index, rank) for registers in use, in no order that may show.
template <typename Visit>
void DistinctSet::for_each_register(Visit&& visit) const {
  if (form_ == Form::kArray) {
    for (uint32_t i = 0; i < kRegisters; ++i) {
      if (array()[i] != 0) visit(i, array()[i]);
    }
    return;
  }
  for (uint32_t i = 0; i < capacity(); ++i) {
    if (list()[i] != 0) visit(entry_index(list()[i]), entry_rank(list()[i]));
  }
}

void DistinctSet::merge(const DistinctSet& other, uint32_t limit) {
  if (other.form_ == Form::kHashes) {
    for (uint32_t i = 0; i < other.capacity(); ++i) {
      if (other.hashes()[i] != 0) add(other.hashes()[i], limit);
    }
    return;
  }
  if (form_ == Form::kHashes) hashes_to_registers();
  other.for_each_register([&](uint32_t index, uint8_t rank) { add_register(index, rank); });
}

uint64_t DistinctSet::count(uint32_t limit) const {
  if (form_ == Form::kHashes) return size_;
  std::array<uint32_t, kRankMax + 1> registers_by_rank = {};
  for_each_register([&](uint32_t, uint8_t rank) { ++registers_by_rank[rank]; });
  const double registers = kRegisters;
  double z = registers * tau(1 - registers_by_rank[kRankMax] / registers);
  for (unsigned rank = kRankMax - 1; rank >= 1; --rank) z = 0.5 * (z + registers_by_rank[rank]);
  z += registers * sigma((registers - size_) / registers);
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  const double estimate = kAlpha * registers * registers / z;
  return std::max<uint64_t>(static_cast<uint64_t>(std::floor(estimate + 0.5)), limit + uint64_t{1});
}

void DistinctSet::encode(ByteWriter& writer) const {
  if (form_ == Form::kHashes) {
    std::vector<uint64_t> members;
    members.reserve(size_);
    for (uint32_t i = 0; i < capacity(); ++i) {
      if (hashes()[i] != 0) members.push_back(hashes()[i]);
    }
    std::sort(members.begin(), members.end());
    writer.u8(kFormHashes);
    writer.varint(members.size());
    writer.raw(members.data(), members.size() * sizeof(uint64_t));
    return;
  }
  std::vector<uint32_t> entries;
  entries.reserve(size_);
  for_each_register([&](uint32_t i, uint8_t rank) { entries.push_back(list_entry(i, rank)); });
  std::sort(entries.begin(), entries.end());
  writer.u8(kFormRegisters);
  writer.varint(entries.size());
  uint32_t next = 0;
  for (const uint32_t entry : entries) {
    writer.varint(entry_index(entry) - next);
    writer.u8(entry_rank(entry));
    next = entry_index(entry) + 1;
  }
}

DistinctSet DistinctSet::decode(ByteReader& reader, uint32_t limit) {
  DistinctSet set;
  const uint8_t form = reader.u8();
  const uint64_t size = reader.varint();
  if (form == kFormHashes && size <= limit && reader.count_fits(size, 8)) {
    uint64_t last = 0;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t hash = reader.u64();
      if (hash <= last) reader.fail();
      last = hash;
      if (!reader.failed()) set.insert_hash(hash);
    }
  } else if (form == kFormRegisters && size > 0 && size <= kRegisters &&
             reader.count_fits(size, 2)) {
    set.form_ = Form::kList;
    uint64_t index = 0;
    for (uint64_t i = 0; i < size; ++i, ++index) {
      const uint64_t step = reader.varint();
      const uint8_t rank = reader.u8();
      index += std::min<uint64_t>(step, kRegisters);
      if (index >= kRegisters || rank < 1 || rank > kRankMax) reader.fail();
      if (reader.failed()) break;
      set.add_register(static_cast<uint32_t>(index), rank);
    }
  } else {
    reader.fail();
  }
  if (reader.failed()) return {};
  return set;
}

size_t DistinctSet::held_bytes() const {
  switch (form_) {
    case Form::kHashes:
      return capacity() * sizeof(uint64_t);
    case Form::kList:
      return capacity() * sizeof(uint32_t);
    case Form::kArray:
      return kRegisters;
  }
  return 0;
}

}  // namespace shardmill
