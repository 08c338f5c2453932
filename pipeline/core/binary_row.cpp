#include "pipeline/core/binary_row.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "pipeline/formats/hdf5_text.h"

namespace shardmill {

namespace {

constexpr size_t kWordBytes = 8;
constexpr size_t kHalfBytes = 4;
constexpr size_t kShortBytes = 2 * kWordBytes;

size_t varint_bytes(size_t value) {
  return value < 0x80 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
}

void put_word(char* to, uint64_t word) {
  std::memcpy(to, &word, kWordBytes);
}

uint64_t word_at(const char* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, kWordBytes);
  return word;
}

/// Without a call where the text is short, as most are.
char* put_bytes(char* to, std::string_view text) {
  const size_t size = text.size();
  if (size >= kWordBytes && size <= kShortBytes) {
    const uint64_t last = word_at(text.data() + size - kWordBytes);
    put_word(to, word_at(text.data()));
    put_word(to + size - kWordBytes, last);
  } else if (size >= kHalfBytes && size < kWordBytes) {
    std::memcpy(to, text.data(), kHalfBytes);
    std::memcpy(to + size - kHalfBytes, text.data() + size - kHalfBytes, kHalfBytes);
  } else if (size < kHalfBytes) {
    for (size_t i = 0; i < size; ++i) to[i] = text[i];
  } else {
    std::memcpy(to, text.data(), size);
  }
  return to + size;
}

char* put_text(char* to, std::string_view text) {
  size_t size = text.size();
  for (; size >= 0x80; size >>= 7) *to++ = static_cast<char>(size | 0x80);
  *to++ = static_cast<char>(size);
  return put_bytes(to, text);
}

size_t value_bytes(Type type) {
  return type == Type::kBool ? 1 : kWordBytes;
}

/// One zero and one NaN, as everywhere.
double canonical(double value) {
  if (value == 0) return 0;
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// What is left of the bytes of rows.
struct Rest {
  const char* at;
  const char* end;

  size_t size() const { return static_cast<size_t>(end - at); }
};

/// False if there is no whole text.
bool take_text(Rest& rest, std::string_view& text) {
  uint64_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (rest.at == rest.end || shift > 63) return false;
    const auto byte = static_cast<unsigned char>(*rest.at++);
    size |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) break;
  }
  if (size > rest.size()) return false;
  text = {rest.at, static_cast<size_t>(size)};
  rest.at += size;
  return true;
}

/// The first `size` bytes of a word, the others zero.
uint64_t first_bytes(uint64_t word, size_t size) {
  return size >= kWordBytes ? word : word & ((uint64_t{1} << 8 * size) - 1);
}

/// Rows come in order, so zeros behind a text may go beyond its row.
void put_fixed_text(const BinaryRowsTarget& target, size_t row, std::string_view text,
                    const char* bytes_end) {
  char* to = target.values + row * target.width;
  const size_t size = std::min(text.size(), target.width);
  const bool is_short = size <= kShortBytes &&
                        static_cast<size_t>(bytes_end - text.data()) >= kShortBytes &&
                        static_cast<size_t>(target.values_end - to) >= kShortBytes;
  if (!is_short) {
    std::memcpy(to, text.data(), size);
    return;
  }
  put_word(to, first_bytes(word_at(text.data()), size));
  const size_t more = size > kWordBytes ? size - kWordBytes : 0;
  put_word(to + kWordBytes, first_bytes(word_at(text.data() + kWordBytes), more));
}

bool read_text(Rest& rest, const BinaryRowsTarget& target, size_t row) {
  std::string_view text;
  if (!take_text(rest, text)) return false;
  if (target.values == nullptr) {
    (*target.texts)[row] = text;
  } else {
    put_fixed_text(target, row, text, rest.end);
  }
  return true;
}

bool read_value(Rest& rest, const BinaryRowsTarget& target, size_t row) {
  if (target.type == Type::kText) return read_text(rest, target, row);
  const size_t size = value_bytes(target.type);
  if (rest.size() < size) return false;
  char* to = target.values + row * size;
  if (target.type == Type::kBool) {
    *to = *rest.at != 0 ? 1 : 0;
  } else if (target.type == Type::kFloat) {
    const double value = canonical(std::bit_cast<double>(word_at(rest.at)));
    put_word(to, std::bit_cast<uint64_t>(value));
  } else {
    put_word(to, word_at(rest.at));
  }
  rest.at += size;
  return true;
}

void put_null(const BinaryRowsTarget& target, size_t row) {
  if (target.nulls != nullptr) target.nulls[row] = 1;
  if (target.type != Type::kFloat) return;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  put_word(target.values + row * kWordBytes, std::bit_cast<uint64_t>(kNan));
}

}  // namespace

void BinaryRows::append_rows(const Batch& batch, size_t first, size_t count, std::string& out,
                             std::vector<size_t>& ends) {
  rows_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    rows_[i] = batch.selection.all ? first + i : batch.selection.rows[first + i];
  }
  texts_.clear();
  made_.clear();
  const size_t null_bytes = (columns_.size() + 7) / 8;
  places_.assign(count, null_bytes);
  for (size_t i = 0; i < columns_.size(); ++i) {
    measure(batch.columns[columns_[i].slot], totals_[i]);
  }
  size_t at = out.size();
  begins_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    begins_[i] = at;
    at += places_[i];
    ends.push_back(at);
    places_[i] = begins_[i] + null_bytes;
  }
  out.resize(at);  // no value is null
  next_text_ = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    append_column(batch.columns[columns_[i].slot], i, out.data());
  }
}

/// Adds to the size of each row.
void BinaryRows::measure(const Column& column, ColumnTotals& totals) {
  if (column.type == Type::kText) return measure_texts(column, totals);
  const size_t bytes = value_bytes(column.type);
  for (size_t& place : places_) place += bytes;
  if (!column.has_nulls) return;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (!column.is_null(rows_[i])) continue;
    places_[i] -= bytes;
    ++totals.nulls;
  }
}

void BinaryRows::measure_texts(const Column& column, ColumnTotals& totals) {
  const size_t begin = texts_.size();
  texts_.resize(begin + rows_.size());
  std::string_view* texts = texts_.data() + begin;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (column.is_null(rows_[i])) {
      ++totals.nulls;
      continue;
    }
    std::string_view text = column.text[rows_[i]];
    if (!is_storable_text(text)) text = made_.copy(storable_text(text));
    texts[i] = text;
    totals.longest_text = std::max<uint64_t>(totals.longest_text, text.size());
    places_[i] += varint_bytes(text.size()) + text.size();
  }
}

/// To the place of each row, which moves on. `put` writes the value of a row to a place and returns
/// where it ends.
template <typename Put>
void BinaryRows::put_values(const Column& column, size_t index, char* out, const Put& put) {
  // Bytes that are written might be anything, also what these come from.
  const uint8_t* null = column.has_nulls ? column.null.data() : nullptr;
  const size_t* rows = rows_.data();
  size_t* places = places_.data();
  const size_t count = rows_.size();
  for (size_t i = 0; i < count; ++i) {
    if (null != nullptr && null[rows[i]] != 0) {
      char& nulls = out[begins_[i] + index / 8];
      nulls = static_cast<char>(nulls | 1 << index % 8);
      continue;
    }
    places[i] = static_cast<size_t>(put(out + places[i], i, rows[i]) - out);
  }
}

void BinaryRows::append_column(const Column& column, size_t index, char* out) {
  const auto put_words = [&](const auto* values) {
    put_values(column, index, out, [values](char* to, size_t, size_t row) {
      std::memcpy(to, values + row, kWordBytes);
      return to + kWordBytes;
    });
  };
  switch (column.type) {
    case Type::kText:
      put_values(column, index, out,
                 [texts = texts_.data() + next_text_](char* to, size_t i, size_t) {
                   return put_text(to, texts[i]);
                 });
      next_text_ += rows_.size();
      break;
    case Type::kInt:
    case Type::kTime:
      put_words(column.ints.data());
      break;
    case Type::kFloat:
      put_words(column.floats.data());
      break;
    case Type::kBool:
      put_values(column, index, out, [values = column.bools.data()](char* to, size_t, size_t row) {
        *to = static_cast<char>(values[row] != 0 ? 1 : 0);
        return to + 1;
      });
      break;
  }
}

bool read_binary_rows(std::string_view bytes, size_t rows,
                      std::span<const BinaryRowsTarget> targets) {
  const size_t null_bytes = (targets.size() + 7) / 8;
  Rest rest = {.at = bytes.data(), .end = bytes.data() + bytes.size()};
  for (size_t row = 0; row < rows; ++row) {
    if (rest.size() < null_bytes) return false;
    const char* nulls = rest.at;
    rest.at += null_bytes;
    for (size_t i = 0; i < targets.size(); ++i) {
      if ((static_cast<unsigned char>(nulls[i / 8]) >> i % 8 & 1) != 0) {
        put_null(targets[i], row);
      } else if (!read_value(rest, targets[i], row)) {
        return false;
      }
    }
  }
  return rest.size() == 0;
}

}  // namespace shardmill
