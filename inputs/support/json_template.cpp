#include "inputs/support/json_template.h"

#include <algorithm>
#include <cstring>

namespace shardmill {

namespace {

bool is_short_int(const JsonValue& value) {
  return value.kind == JsonKind::kNumber && value.text.size() <= 8 &&
         value.text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void JsonTemplate::begin(std::string_view text, const uint32_t* first) {
  text_ = text;
  first_ = first;
  open_ = first;
  open_byte_ = *first;
  begins_with_quote_ = false;
  is_usable_ = true;
  positions_ = 0;
  reach_ = 0;
  parts_.clear();
  values_.clear();
  containers_.clear();
  missing_.clear();
}

void JsonTemplate::value(const uint32_t* at, const JsonValue& value, int32_t column) {
  const bool is_string = value.kind == JsonKind::kString;
  add_literal(*at + (is_string ? 1 : 0), is_string);
  if (!is_usable_) return;
  const std::string_view source = value.source();
  open_ = at + 1;
  const auto end = static_cast<size_t>(source.data() + source.size() - text_.data());
  open_byte_ = end - (is_string ? 1 : 0);
  begins_with_quote_ = is_string;
  values_.push_back({.position = number(at),
                     .space = static_cast<uint32_t>(*open_ - end),
                     .kind = value.kind,
                     .is_short_int = is_short_int(value),
                     .column = column});
  is_usable_ = values_.size() <= kValuesMax;
}

void JsonTemplate::container(const uint32_t* first, const uint32_t* last, JsonKind kind,
                             int32_t column) {
  if (!is_usable_) return;
  containers_.push_back(
      {.first = number(first), .last = number(last), .kind = kind, .column = column});
  is_usable_ = containers_.size() <= kValuesMax;
}

bool JsonTemplate::end(const uint32_t* at, size_t columns) {
  add_literal(at[-1] + size_t{1}, false);
  if (!is_usable_) return false;
  std::vector<bool> is_there(columns);
  const auto note = [&](int32_t column) {
    if (column >= 0) is_there[static_cast<size_t>(column)] = true;
  };
  for (const Value& value : values_) note(value.column);
  for (const Container& container : containers_) note(container.column);
  for (size_t column = 0; column < columns; ++column) {
    if (!is_there[column]) missing_.push_back(column);
  }
  positions_ = number(at);
  return true;
}

// The bytes from the last value to `end`.
void JsonTemplate::add_literal(size_t end, bool ends_with_quote) {
  if (!is_usable_) return;
  const std::string_view bytes = text_.substr(open_byte_, end - open_byte_);
  const size_t before = *open_ - open_byte_;
  // Before the position n of a record there are n bytes at least, so that a place that is computed
  // from the position of another record lies within its text.
  is_usable_ = (before == 0 || before < number(open_)) &&
               parts_.size() + bytes.size() / kPartBytes < kPartsMax;
  if (!is_usable_) return;
  for (size_t at = 0; at < bytes.size(); at += kPartBytes) {
    const std::string_view text = bytes.substr(at, kPartBytes);
    Part& part = parts_.emplace_back(Part{});
    std::memcpy(part.bytes, text.data(), text.size());
    std::memset(part.mask, 0xff, text.size());
    std::memset(part.loose_mask, 0xff, text.size());
    if (at == 0 && begins_with_quote_) part.loose_mask[0] = 0;
    const bool is_last = at + text.size() == bytes.size();
    if (is_last && ends_with_quote) part.loose_mask[text.size() - 1] = 0;
    part.position = number(open_);
    part.offset = static_cast<int32_t>(at) - static_cast<int32_t>(before);
  }
  reach_ = std::max(reach_, bytes.size() + kPartBytes);
}

}  // namespace shardmill
