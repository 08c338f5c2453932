// Everything about a column of texts that does not need its different values: sizes, characters,
// words, what is not UTF-8, what reads as a number or a time, and the texts at the ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "stages/support/number_totals.h"
#include "stages/support/text_key.h"

namespace shardmill {

/// The first kWholeTextBytes of a text, and its size.
class KeptText {
 public:
  void assign(std::string_view text);
  /// By the bytes of the start, then by size. Negative, 0 or positive.
  int compare(std::string_view text) const;
  int compare(const KeptText& other) const;

  uint64_t size() const { return size_; }
  /// For people: see shown_text.
  std::string shown() const;

  void encode(ByteWriter& writer) const;
  static KeptText decode(ByteReader& reader);

 private:
  int compare_start(std::string_view start, uint64_t size) const;

  std::string start_;
  uint64_t size_ = 0;
  uint64_t first_bytes_ = 0;  ///< the first 8 in the order of bytes: most comparisons end here
};

/// A function of the multiset of texts: merging is exact, equal states have equal bytes. About 25
/// ns a short text, bound by many small branches. One owner, one thread.
class TextTotals {
 public:
  void add(const std::string_view* texts, size_t count);
  /// The same text several times.
  void add_times(std::string_view text, uint64_t times);
  void merge(const TextTotals& other);
  void encode(ByteWriter& writer) const;
  /// Marks the reader failed if the bytes are not that.
  static TextTotals decode(ByteReader& reader);

  uint64_t count() const { return sizes_.count(); }
  uint64_t characters() const { return characters_; }  ///< code points
  uint64_t words() const { return words_; }            ///< as `count` counts them
  uint64_t not_utf8() const { return not_utf8_; }      ///< texts
  uint64_t numbers() const { return numbers_; }        ///< texts that read as a float
  uint64_t times() const { return times_; }            ///< texts that read as a time
  /// In bytes.
  const NumberTotals<int64_t>& sizes() const { return sizes_; }
  /// By bytes. REQUIRES of all four: count() > 0.
  const KeptText& first() const { return first_; }
  const KeptText& last() const { return last_; }
  /// Of several the first by bytes.
  const KeptText& shortest() const { return shortest_; }
  const KeptText& longest() const { return longest_; }

  /// Beyond the object itself.
  size_t held_bytes() const { return sizes_.held_bytes() + 4 * kWholeTextBytes; }

 private:
  void look_at(std::string_view text, uint64_t times);
  void offer(std::string_view text);

  bool has_texts_ = false;
  uint64_t characters_ = 0;
  uint64_t words_ = 0;
  uint64_t not_utf8_ = 0;
  uint64_t numbers_ = 0;
  uint64_t times_ = 0;
  NumberTotals<int64_t> sizes_;
  KeptText first_;
  KeptText last_;
  KeptText shortest_;
  KeptText longest_;
};

}  // namespace shardmill
