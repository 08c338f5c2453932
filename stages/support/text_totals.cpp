#include "stages/support/text_totals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/words.h"

namespace shardmill {

namespace {

/// The first 8 bytes as a number that has their order; shorter texts end in zeros.
uint64_t first_bytes_of(std::string_view text) {
  uint64_t word = 0;
  if (text.size() >= 8) [[likely]] {
    std::memcpy(&word, text.data(), 8);
  } else if (!text.empty()) {
    std::memcpy(&word, text.data(), text.size());
  }
  return __builtin_bswap64(word);
}

/// Eight bytes a step: has any its top bit set?
bool is_ascii(std::string_view text) {
  constexpr uint64_t kTopBits = 0x8080808080808080u;
  uint64_t seen = 0;
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    seen |= word;
  }
  for (; at < text.size(); ++at) seen |= static_cast<unsigned char>(text[at]);
  return (seen & kTopBits) == 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// False only if no float begins so.
bool may_be_number(char first) {
  return is_digit(first) || first == '-' || first == '+' || first == '.' || (first | 32) == 'n' ||
         (first | 32) == 'i';
}

bool may_be_time(std::string_view text) {
  return text.size() >= 10 && is_digit(text[0]) && text[4] == '-' && text[7] == '-';
}

}  // namespace

// ---- kept texts

void KeptText::assign(std::string_view text) {
  start_.assign(text.substr(0, kWholeTextBytes));
  size_ = text.size();
  first_bytes_ = first_bytes_of(text);
}

int KeptText::compare_start(std::string_view start, uint64_t size) const {
  const int order = std::string_view(start_).compare(start);
  if (order != 0 || size_ == size) return order;
  return size_ < size ? -1 : 1;
}

int KeptText::compare(std::string_view text) const {
  const uint64_t first_bytes = first_bytes_of(text);
  if (first_bytes_ != first_bytes) return first_bytes_ < first_bytes ? -1 : 1;
  return compare_start(text.substr(0, kWholeTextBytes), text.size());
}

int KeptText::compare(const KeptText& other) const {
  return compare_start(other.start_, other.size_);
}

std::string KeptText::shown() const {
  return size_ > kWholeTextBytes ? shown_start(start_) : start_;
}

void KeptText::encode(ByteWriter& writer) const {
  writer.varint(size_);
  writer.raw(start_.data(), start_.size());
}

KeptText KeptText::decode(ByteReader& reader) {
  KeptText text;
  const uint64_t size = reader.varint();
  text.assign(reader.raw(std::min<uint64_t>(size, kWholeTextBytes)));
  text.size_ = size;
  return text;
}

// ---- totals

void TextTotals::offer(std::string_view text) {
  if (!has_texts_) {
    has_texts_ = true;
    for (KeptText* kept : {&first_, &last_, &shortest_, &longest_}) kept->assign(text);
    return;
  }
  if (first_.compare(text) > 0) first_.assign(text);
  if (last_.compare(text) < 0) last_.assign(text);
  const uint64_t size = text.size();
  if (size <= shortest_.size() && (size < shortest_.size() || shortest_.compare(text) > 0)) {
    shortest_.assign(text);
  }
  if (size >= longest_.size() && (size > longest_.size() || longest_.compare(text) > 0)) {
    longest_.assign(text);
  }
}

void TextTotals::look_at(std::string_view text, uint64_t times) {
  offer(text);
  if (is_ascii(text)) [[likely]] {
    characters_ += times * text.size();
  } else {
    characters_ += times * code_points(text);
    not_utf8_ += is_utf8(text) ? 0 : times;
  }
  words_ += times * count_words(text);
  if (text.empty() || !may_be_number(text[0])) return;
  double number = 0;
  int64_t time = 0;
  if (may_be_time(text) && parse_time(text, time)) {
    times_ += times;
  } else if (parse_float(text, number)) {
    numbers_ += times;
  }
}

void TextTotals::add(const std::string_view* texts, size_t count) {
  constexpr size_t kBlock = 256;
  std::array<int64_t, kBlock> sizes;
  for (size_t first = 0; first < count; first += kBlock) {
    const size_t block = std::min(kBlock, count - first);
    for (size_t i = 0; i < block; ++i) {
      const std::string_view text = texts[first + i];
      sizes[i] = static_cast<int64_t>(text.size());
      look_at(text, 1);
    }
    sizes_.add(sizes.data(), block);
  }
}

void TextTotals::add_times(std::string_view text, uint64_t times) {
  if (times == 0) return;
  look_at(text, times);
  sizes_.add_times(static_cast<int64_t>(text.size()), times);
}

void TextTotals::merge(const TextTotals& other) {
  if (!other.has_texts_) return;
  characters_ += other.characters_;
  words_ += other.words_;
  not_utf8_ += other.not_utf8_;
  numbers_ += other.numbers_;
  times_ += other.times_;
  sizes_.merge(other.sizes_);
  const bool only_theirs = !has_texts_;
  has_texts_ = true;
  if (only_theirs || first_.compare(other.first_) > 0) first_ = other.first_;
  if (only_theirs || last_.compare(other.last_) < 0) last_ = other.last_;
  const auto by_size = [](const KeptText& kept, const KeptText& offered) {
    if (kept.size() != offered.size()) return kept.size() < offered.size() ? -1 : 1;
    return 0;
  };
  const int shorter = by_size(shortest_, other.shortest_);
  if (only_theirs || shorter > 0 || (shorter == 0 && shortest_.compare(other.shortest_) > 0)) {
    shortest_ = other.shortest_;
  }
  const int longer = by_size(longest_, other.longest_);
  if (only_theirs || longer < 0 || (longer == 0 && longest_.compare(other.longest_) > 0)) {
    longest_ = other.longest_;
  }
}

void TextTotals::encode(ByteWriter& writer) const {
  writer.u8(has_texts_ ? 1 : 0);
  if (!has_texts_) return;
  for (const uint64_t count : {characters_, words_, not_utf8_, numbers_, times_}) {
    writer.varint(count);
  }
  sizes_.encode(writer);
  for (const KeptText* kept : {&first_, &last_, &shortest_, &longest_}) kept->encode(writer);
}

TextTotals TextTotals::decode(ByteReader& reader) {
  TextTotals totals;
  const uint8_t has_texts = reader.u8();
  if (has_texts > 1) reader.fail();
  if (has_texts != 1) return totals;
  totals.has_texts_ = true;
  for (uint64_t* count :
       {&totals.characters_, &totals.words_, &totals.not_utf8_, &totals.numbers_, &totals.times_}) {
    *count = reader.varint();
  }
  totals.sizes_ = NumberTotals<int64_t>::decode(reader);
  for (KeptText* kept : {&totals.first_, &totals.last_, &totals.shortest_, &totals.longest_}) {
    *kept = KeptText::decode(reader);
  }
  if (totals.sizes_.count() == 0) reader.fail();
  if (reader.failed()) return {};
  return totals;
}

}  // namespace shardmill
