#include "inputs/support/json_infer.h"

#include "inputs/support/json_block.h"
#include "pipeline/base/bits.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

enum Seen : unsigned {
  kSeenInt = 1,
  kSeenFloat = 2,
  kSeenBool = 4,
  kSeenTime = 8,
  kSeenOther = 16,
};

unsigned seen_number(std::string_view text) {
  int64_t whole = 0;
  if (parse_int(text, whole)) return kSeenInt;
  const bool is_whole = text.find_first_of(".eE") == std::string_view::npos;
  return is_whole ? kSeenOther : kSeenFloat;  // a float would lose digits of a long whole number
}

unsigned seen_string(const JsonValue& value) {
  const char first = value.text.empty() ? '\0' : value.text[0];
  if (first != '\\' && (first < '0' || first > '9'))
    return kSeenOther;  // a time begins with digits
  Arena arena;
  int64_t time = 0;
  const std::string_view text = value.escaped ? unescape_json(value.text, arena) : value.text;
  return parse_time(text, time) ? kSeenTime : kSeenOther;
}

unsigned seen(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kNull:
      return 0;
    case JsonKind::kTrue:
    case JsonKind::kFalse:
      return kSeenBool;
    case JsonKind::kNumber:
      return seen_number(value.text);
    case JsonKind::kString:
      return seen_string(value);
    default:
      return kSeenOther;
  }
}

Type type_of(unsigned seen) {
  switch (seen) {
    case kSeenInt:
      return Type::kInt;
    case kSeenFloat:
    case kSeenInt | kSeenFloat:
      return Type::kFloat;
    case kSeenBool:
      return Type::kBool;
    case kSeenTime:
      return Type::kTime;
    default:
      return Type::kText;
  }
}

bool is_object(std::string_view record) {
  const size_t begin = record.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && record[begin] == '{';
}

}  // namespace

void JsonShape::add(std::string_view record, JsonTemplate* make) {
  prefixes_.clear();
  path_.clear();
  arrays_ = 0;
  names_.clear();
  leaves_.clear();
  scalars_.clear();
  is_learned_ = make != nullptr;
  if (make != nullptr) make->forget();
  if (!is_object(record) || scan_json(record, this)) return;
  expected_ = 0;
  for (Leaf& leaf : leaves_) {
    leaf.path = see(std::string_view(names_).substr(leaf.name_begin, leaf.name_size), leaf.seen);
  }
  if (make != nullptr) learn(record, *make);
}

void JsonShape::learn(std::string_view record, JsonTemplate& make) const {
  make.begin(record, record.find('{'));
  for (const Scalar& scalar : scalars_) {
    make.value(scalar.value, scalar.leaf == kNoLeaf ? kNoPath : leaves_[scalar.leaf].path);
  }
  (void)make.end(static_cast<size_t>(end_ - record.data()), paths_.size());
}

void JsonShape::add_scalars(size_t path, uint64_t records, const char* text,
                            const FieldSpan* spans) {
  unsigned& seen_there = paths_[path].seen;
  if ((seen_there & kSeenOther) != 0) return;  // nothing else changes the type
  for_each_bit(records, [&](size_t i) {
    const std::string_view source(text + spans[i].begin, spans[i].end - spans[i].begin);
    seen_there |= seen(scalar_of_source(source, true));
  });
}

void JsonShape::add(const JsonShape& later) {
  expected_ = 0;
  for (const Path& path : later.paths_) see(path.name, path.seen);
}

// Returns the number of the path.
int32_t JsonShape::see(std::string_view name, unsigned seen) {
  if (expected_ >= paths_.size() || paths_[expected_].name != name) {
    const auto [place, is_new] = places_.try_emplace(std::string(name), paths_.size());
    if (is_new && paths_.size() == kColumnsMax) {
      places_.erase(place);
      return kNoPath;
    }
    if (is_new) paths_.push_back({.name = place->first});
    expected_ = place->second;
  }
  paths_[expected_].seen |= seen;
  return static_cast<int32_t>(expected_++);
}

std::vector<InputColumn> JsonShape::columns() const {
  std::vector<InputColumn> columns;
  for (const Path& path : paths_) {
    columns.push_back({.name = path.name, .type = type_of(path.seen)});
  }
  return columns;
}

void JsonShape::key(std::string_view text, bool escaped) {
  if (arrays_ > 0) return;
  path_.resize(prefixes_.back());
  if (escaped) {
    Arena arena;
    path_ += unescape_json(text, arena);
  } else {
    path_ += text;
  }
}

void JsonShape::scalar(const JsonValue& value) {
  if (is_learned_ && scalars_.size() <= JsonTemplate::kValuesMax) {
    scalars_.push_back({.value = value, .leaf = arrays_ == 0 ? leaves_.size() : kNoLeaf});
  }
  if (arrays_ == 0) note(seen(value));
}

void JsonShape::open(JsonKind kind) {
  if (kind == JsonKind::kArray) {
    if (arrays_++ == 0) note(kSeenOther);
  } else if (arrays_ == 0) {
    if (!prefixes_.empty()) path_ += '.';
    prefixes_.push_back(path_.size());
  }
}

void JsonShape::close(const JsonValue& value) {
  end_ = value.text.data() + value.text.size();
  if (value.kind == JsonKind::kArray) {
    --arrays_;
  } else if (arrays_ == 0) {
    prefixes_.pop_back();
  }
}

void JsonShape::note(unsigned seen) {
  leaves_.push_back({.name_begin = names_.size(), .name_size = path_.size(), .seen = seen});
  names_ += path_;
}

}  // namespace shardmill
