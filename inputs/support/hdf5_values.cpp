#include "inputs/support/hdf5_values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

template <typename T>
T swapped(T value) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
  return value;
}

/// Calls `put(i, bits)` for each value, with its bits in an unsigned number of its size.
template <typename Bits, typename Put>
void for_each_bits(const Hdf5Span& span, bool big_endian, Put&& put) {
  const auto at = [&](size_t i, uint64_t stride) {
    Bits bits;
    std::memcpy(&bits, span.first + i * stride, sizeof bits);
    return bits;
  };
  if (big_endian) {
    for (size_t i = 0; i < span.count; ++i) put(i, swapped(at(i, span.stride)));
  } else if (span.stride == sizeof(Bits)) {
    for (size_t i = 0; i < span.count; ++i) put(i, at(i, sizeof(Bits)));
  } else {
    for (size_t i = 0; i < span.count; ++i) put(i, at(i, span.stride));
  }
}

template <typename Signed, typename Unsigned>
void decode_ints(const Hdf5Span& span, const Hdf5Leaf& leaf, int64_t* out) {
  if (leaf.kind == Hdf5Kind::kUnsigned) {
    for_each_bits<Unsigned>(span, leaf.big_endian,
                            [&](size_t i, Unsigned bits) { out[i] = static_cast<int64_t>(bits); });
  } else {
    for_each_bits<Unsigned>(span, leaf.big_endian, [&](size_t i, Unsigned bits) {
      out[i] = static_cast<int64_t>(static_cast<Signed>(bits));
    });
  }
}

void decode_ints(const Hdf5Span& span, const Hdf5Leaf& leaf, int64_t* out) {
  switch (leaf.size_bytes) {
    case 1:
      return decode_ints<int8_t, uint8_t>(span, leaf, out);
    case 2:
      return decode_ints<int16_t, uint16_t>(span, leaf, out);
    case 4:
      return decode_ints<int32_t, uint32_t>(span, leaf, out);
    default:
      return decode_ints<int64_t, uint64_t>(span, leaf, out);
  }
}

void decode_floats(const Hdf5Span& span, const Hdf5Leaf& leaf, double* out) {
  switch (leaf.size_bytes) {
    case 2:
      return for_each_bits<uint16_t>(
          span, leaf.big_endian, [&](size_t i, uint16_t bits) { out[i] = half_to_double(bits); });
    case 4:
      return for_each_bits<uint32_t>(span, leaf.big_endian, [&](size_t i, uint32_t bits) {
        out[i] = static_cast<double>(std::bit_cast<float>(bits));
      });
    default:
      return for_each_bits<uint64_t>(span, leaf.big_endian, [&](size_t i, uint64_t bits) {
        out[i] = std::bit_cast<double>(bits);
      });
  }
}

bool is_whole_number(double value) {
  return value >= -9223372036854775808.0 && value < 9223372036854775808.0 &&
         std::trunc(value) == value;
}

}  // namespace

double half_to_double(uint16_t bits) {
  const uint64_t sign = static_cast<uint64_t>(bits >> 15) << 63;
  const uint64_t exponent = (bits >> 10) & 0x1f;
  const uint64_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f) {
    return std::bit_cast<double>(sign | (uint64_t{0x7ff} << 52) | (mantissa << 42));
  }
  if (exponent == 0) {
    const double value = static_cast<double>(mantissa) * 0x1p-24;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<double>(sign | ((exponent + 1023 - 15) << 52) | (mantissa << 42));
}

Column& Hdf5ColumnFiller::begin(const Target& target, size_t count) {
  Column& column = target.batch->columns[form_.slot];
  column.prepare(form_.type, count);
  return column;
}

void Hdf5ColumnFiller::bad_value(size_t row, std::string_view value, Column& column,
                                 const Target& target) {
  column.set_null(row);
  ++*target.bad_values;
  if (target.rejects != nullptr) {
    target.rejects->bad_value(target.path, target.first_record + row, form_.name, value);
  }
}

void Hdf5ColumnFiller::put_int(size_t row, int64_t value, bool is_unsigned, Column& column,
                               const Target& target) {
  const bool is_large = is_unsigned && value < 0;
  switch (form_.type) {
    case Type::kInt:
    case Type::kTime:
      column.ints[row] = value;
      if (!is_large) return;
      break;
    case Type::kFloat:
      column.floats[row] =
          is_large ? static_cast<double>(static_cast<uint64_t>(value)) : static_cast<double>(value);
      return;
    case Type::kBool:
      column.bools[row] = value != 0 ? 1 : 0;
      if (value == 0 || value == 1) return;
      break;
    case Type::kText:
      break;
  }
  text_.clear();
  append_int128(text_, is_large ? static_cast<Int128>(static_cast<uint64_t>(value)) : value);
  if (form_.type == Type::kText) {
    column.text[row] = target.batch->arena.copy(text_);
  } else {
    bad_value(row, text_, column, target);
  }
}

void Hdf5ColumnFiller::put_float(size_t row, double value, Column& column, const Target& target) {
  switch (form_.type) {
    case Type::kFloat:
      column.floats[row] = value;
      return;
    case Type::kInt:
    case Type::kTime:
      if (is_whole_number(value)) {
        column.ints[row] = static_cast<int64_t>(value);
        return;
      }
      break;
    case Type::kBool:
      column.bools[row] = value == 1 ? 1 : 0;
      if (value == 0 || value == 1) return;
      break;
    case Type::kText:
      break;
  }
  text_.clear();
  append_float(text_, value);
  if (form_.type == Type::kText) {
    column.text[row] = target.batch->arena.copy(text_);
  } else {
    bad_value(row, text_, column, target);
  }
}

void Hdf5ColumnFiller::put_text(size_t row, std::string_view text, Column& column,
                                const Target& target) {
  bool is_good = true;
  bool flag = false;
  switch (form_.type) {
    case Type::kText:
      column.text[row] = text;
      return;
    case Type::kInt:
      is_good = parse_int(text, column.ints[row]);
      break;
    case Type::kTime:
      is_good = parse_time(text, column.ints[row]);
      break;
    case Type::kFloat:
      is_good = parse_float(text, column.floats[row]);
      break;
    case Type::kBool:
      is_good = parse_bool(text, flag);
      column.bools[row] = flag ? 1 : 0;
      break;
  }
  if (!is_good) bad_value(row, text, column, target);
}

/// A value that has no name is its number.
void Hdf5ColumnFiller::put_enum(size_t row, int64_t value, Column& column, const Target& target) {
  const std::vector<Hdf5EnumName>& names = form_.leaf->names;
  const auto at = std::lower_bound(
      names.begin(), names.end(), value,
      [](const Hdf5EnumName& name, int64_t wanted) { return name.value < wanted; });
  if (at != names.end() && at->value == value) return put_text(row, at->name, column, target);
  text_.clear();
  append_int(text_, value);
  put_text(row, target.batch->arena.copy(text_), column, target);
}

void Hdf5ColumnFiller::put_numbers(size_t count, Column& column, const Target& target) {
  switch (form_.leaf->kind) {
    case Hdf5Kind::kFloat:
      for (size_t i = 0; i < count; ++i) put_float(i, floats_[i], column, target);
      return;
    case Hdf5Kind::kEnum:
      for (size_t i = 0; i < count; ++i) put_enum(i, ints_[i], column, target);
      return;
    case Hdf5Kind::kBool:
      for (size_t i = 0; i < count; ++i) {
        if (form_.type == Type::kText) {
          column.text[i] = ints_[i] != 0 ? "true" : "false";
        } else {
          put_int(i, ints_[i] != 0 ? 1 : 0, false, column, target);
        }
      }
      return;
    default: {
      const bool is_unsigned =
          form_.leaf->kind == Hdf5Kind::kUnsigned && form_.leaf->size_bytes == 8;
      for (size_t i = 0; i < count; ++i) put_int(i, ints_[i], is_unsigned, column, target);
    }
  }
}

void Hdf5ColumnFiller::decode(const Hdf5Span& span, Column& column, const Target& target) {
  const Hdf5Leaf& leaf = *form_.leaf;
  switch (leaf.kind) {
    case Hdf5Kind::kInt:
    case Hdf5Kind::kUnsigned:
      if (form_.type == Type::kInt && !(leaf.kind == Hdf5Kind::kUnsigned && leaf.size_bytes == 8)) {
        return decode_ints(span, leaf, column.ints.data());
      }
      break;
    case Hdf5Kind::kFloat:
      if (form_.type == Type::kFloat) return decode_floats(span, leaf, column.floats.data());
      floats_.resize(span.count);
      decode_floats(span, leaf, floats_.data());
      return put_numbers(span.count, column, target);
    case Hdf5Kind::kFixedText:
    case Hdf5Kind::kBytes:
    case Hdf5Kind::kText:
      for (size_t i = 0; i < span.count; ++i) {
        const std::string_view bytes(span.first + i * span.stride, leaf.size_bytes);
        put_text(i,
                 leaf.kind == Hdf5Kind::kFixedText ? hdf5_fixed_text(bytes, leaf.padding) : bytes,
                 column, target);
      }
      return;
    default:
      break;
  }
  ints_.resize(span.count);
  decode_ints(span, leaf, ints_.data());
  put_numbers(span.count, column, target);
}

void Hdf5ColumnFiller::null_fills(const Hdf5Span& span, Column& column) const {
  if (!form_.fill.empty()) {
    for (size_t i = 0; i < span.count; ++i) {
      if (std::memcmp(span.first + i * span.stride, form_.fill.data(), form_.fill.size()) == 0) {
        column.set_null(i);
      }
    }
  }
}

void Hdf5ColumnFiller::fill(const Hdf5Span& span, const Target& target) {
  Column& column = begin(target, span.count);
  decode(span, column, target);
  null_fills(span, column);
  if (!form_.nan_is_null || form_.type != Type::kFloat) return;
  for (size_t i = 0; i < span.count; ++i) {
    if (std::isnan(column.floats[i])) column.set_null(i);
  }
}

void Hdf5ColumnFiller::fill(const FromLibrary& from, const Target& target) {
  const size_t count = from.positions.size();
  Column& column = begin(target, count);
  if (form_.leaf->kind == Hdf5Kind::kText) {
    for (size_t i = 0; i < count; ++i) {
      std::string_view text;
      if (from.values->text(from.positions[i], text)) {
        put_text(i, text, column, target);
      } else {
        column.set_null(i);
      }
    }
    return;
  }
  ints_.resize(count);
  floats_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = from.values->bits(from.positions[i]);
    ints_[i] = static_cast<int64_t>(bits);
    floats_[i] = std::bit_cast<double>(bits);
  }
  put_numbers(count, column, target);
  if (!form_.nan_is_null || form_.type != Type::kFloat) return;
  for (size_t i = 0; i < count; ++i) {
    if (std::isnan(column.floats[i])) column.set_null(i);
  }
}

}  // namespace shardmill
