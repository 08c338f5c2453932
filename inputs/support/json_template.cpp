#include "inputs/support/json_template.h"

#include <algorithm>

namespace shardmill {

namespace {

constexpr size_t kShortIntBytes = 7;

JsonTemplate::Likely likely_of(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kString:
      return JsonTemplate::Likely::kString;
    case JsonKind::kTrue:
    case JsonKind::kFalse:
      return JsonTemplate::Likely::kTruth;
    case JsonKind::kNumber:
      return value.text.size() <= kShortIntBytes &&
                     value.text.find_first_not_of("0123456789") == std::string_view::npos
                 ? JsonTemplate::Likely::kShortInt
                 : JsonTemplate::Likely::kNumber;
    default:
      return JsonTemplate::Likely::kOther;
  }
}

}  // namespace

void JsonTemplate::begin(std::string_view text, size_t position) {
  text_ = text;
  open_ = position;
  is_usable_ = true;
  begins_.clear();
  held_.clear();
  steps_.clear();
  literals_.clear();
  values_.clear();
  containers_.clear();
  missing_.clear();
  starts_ = 0;
}

void JsonTemplate::value(const JsonValue& value, int32_t column) {
  const std::string_view source = value.source();
  const auto begin = static_cast<size_t>(source.data() - text_.data());
  const size_t quote = value.kind == JsonKind::kString ? 1 : 0;
  add_step(begin + quote, likely_of(value));
  if (!is_usable_) return;
  open_ = begin + source.size() - quote;
  steps_.back().follower = text_[open_];
  if (column < 0) return;
  steps_.back().span = static_cast<int32_t>(values_.size());
  values_.push_back({.span = values_.size(), .column = static_cast<size_t>(column)});
}

void JsonTemplate::container(const JsonValue& value, int32_t column) {
  if (column < 0) return;
  const auto begin = static_cast<size_t>(value.text.data() - text_.data());
  held_.push_back({.begin = begin,
                   .last = begin + value.text.size() - 1,
                   .kind = value.kind,
                   .column = static_cast<size_t>(column)});
  is_usable_ = is_usable_ && held_.size() <= kValuesMax;
}

bool JsonTemplate::end(size_t position, size_t columns) {
  add_step(position, Likely::kEnd);
  if (!is_usable_) {
    forget();
    return false;
  }
  literals_.append(kLiteralPadding, '\0');
  for (const Held& held : held_) resolve(held);
  std::vector<bool> is_there(columns);
  for (const Value& value : values_) is_there[value.column] = true;
  for (const Container& container : containers_) is_there[container.column] = true;
  for (size_t column = 0; column < columns; ++column) {
    if (!is_there[column]) missing_.push_back(column);
  }
  return true;
}

// The literal from the last value to `end`.
void JsonTemplate::add_step(size_t end, Likely likely) {
  if (!is_usable_) return;
  is_usable_ = steps_.size() <= kValuesMax && literals_.size() + end - open_ <= kLiteralBytesMax;
  if (!is_usable_) return;
  begins_.push_back(open_);
  steps_.push_back({.literal = static_cast<uint32_t>(literals_.size()),
                    .bytes = static_cast<uint32_t>(end - open_),
                    .likely = likely});
  literals_.append(text_, open_, end - open_);
}

// The step whose literal has this byte of the record.
size_t JsonTemplate::step_at(size_t position) const {
  const auto behind = std::upper_bound(begins_.begin(), begins_.end(), position);
  return static_cast<size_t>(behind - begins_.begin()) - 1;
}

void JsonTemplate::resolve(const Held& held) {
  const auto start_of = [this](size_t step) {
    int32_t& start = steps_[step].start;
    if (start == kNowhere) start = static_cast<int32_t>(starts_++);
    return static_cast<size_t>(start);
  };
  const size_t first = step_at(held.begin);
  const size_t last = step_at(held.last);
  containers_.push_back({.first_start = start_of(first),
                         .first_offset = held.begin - begins_[first],
                         .last_start = start_of(last),
                         .last_offset = held.last - begins_[last],
                         .kind = held.kind,
                         .column = held.column});
}

}  // namespace shardmill
