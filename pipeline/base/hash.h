// Hashes whose values reach results (samples, distinct, checksums): XXH3, the same on every machine
// and run.
#pragma once

#include <cstdint>
#include <string_view>

namespace shardmill {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

/// XXH3-64 of the bytes with `seed`. Pure; any thread.
uint64_t hash64(std::string_view bytes, uint64_t seed = 0);
/// The same of three words, as a part of a loop over records.
uint64_t hash64_of_words(const uint64_t (&words)[3], uint64_t seed);
/// XXH3-128 of the bytes with `seed`.
Hash128 hash128(std::string_view bytes, uint64_t seed = 0);

/// Streaming XXH3-64: the same value as hash64 over all the bytes at once.
class Hasher64 {
 public:
  Hasher64();
  ~Hasher64();
  Hasher64(const Hasher64&) = delete;
  Hasher64& operator=(const Hasher64&) = delete;
  void update(std::string_view bytes);
  uint64_t digest() const;

 private:
  void* state_;
};

}  // namespace shardmill
