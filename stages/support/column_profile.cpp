#include "stages/support/column_profile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "pipeline/base/check.h"
#include "stages/support/group_codec.h"
#include "stages/support/text_key.h"

namespace shardmill {

namespace {

constexpr uint32_t kDistinctLimit = 0;  // the table was the exact form

/// Fixed, because distinct counts follow from it; one to one.
uint64_t hash_word(uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
  return word ^ (word >> 31);
}

uint64_t hash_whole(int64_t value) {
  return hash_word(static_cast<uint64_t>(value) + 0x9E3779B97F4A7C15u);
}

uint64_t hash_number(double value) {
  const double one_form =
      std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value + 0.0;
  return hash_word(std::bit_cast<uint64_t>(one_form) + 0x9E3779B97F4A7C15u);
}

void add_values(NumberTotals<int64_t>& totals, const Column& values, size_t count) {
  SHARDMILL_CHECK(values.type == Type::kInt);
  totals.add(values.ints.data(), count);
}
void add_values(NumberTotals<double>& totals, const Column& values, size_t count) {
  totals.add(values.floats.data(), count);
}
void add_values(TimeTotals& totals, const Column& values, size_t count) {
  totals.add(values.ints.data(), count);
}
void add_values(TextTotals& totals, const Column& values, size_t count) {
  totals.add(values.text.data(), count);
}

// The value of a group as the totals take it; nothing if they have it already.
std::optional<int64_t> value_of(const NumberTotals<int64_t>&, const GroupTable& table,
                                uint32_t group) {
  return table.integer(group, 0);
}
std::optional<double> value_of(const NumberTotals<double>&, const GroupTable& table,
                               uint32_t group) {
  return table.number(group, 0);
}
std::optional<int64_t> value_of(const TimeTotals&, const GroupTable& table, uint32_t group) {
  return table.integer(group, 0);
}
std::optional<std::string_view> value_of(const TextTotals&, const GroupTable& table,
                                         uint32_t group) {
  const std::string_view key = table.text(group, 0);
  if (is_long_text_key(key)) return std::nullopt;
  return key;
}

/// Adds the values of all groups, as often as they were counted. Those that came a few times, as
/// most do in a column of many different values, go in blocks: one alone costs 20 times as much.
template <typename Totals>
void add_groups(Totals& totals, const GroupTable& table) {
  constexpr uint64_t kFew = 4;
  constexpr size_t kBlock = 256;
  typename decltype(value_of(totals, table, 0))::value_type few[kBlock + kFew];
  size_t count = 0;
  const StateWords counts = table.state();
  for (uint32_t group = 0; group < table.size(); ++group) {
    const auto value = value_of(totals, table, group);
    const uint64_t times = *counts.at(group);
    if (!value) continue;
    if (times > kFew) {
      totals.add_times(*value, times);
      continue;
    }
    for (uint64_t i = 0; i < times; ++i) few[count++] = *value;
    if (count < kBlock) continue;
    totals.add(few, count);
    count = 0;
  }
  totals.add(few, count);
}

template <typename T, typename Hash>
void fill_hashes(const T* values, size_t count, std::vector<uint64_t>& hashes, Hash&& hash) {
  hashes.resize(std::max(hashes.size(), count));
  for (size_t i = 0; i < count; ++i) hashes[i] = hash(values[i]);
}

/// The rows of a column that are not null, one behind the other.
template <typename T>
size_t gather(const std::vector<T>& from, const Column& column, const uint32_t* rows, size_t count,
              std::vector<T>& to) {
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t row = rows == nullptr ? i : rows[i];
    to[kept] = from[row];
    kept += column.is_null(row) ? 0 : 1;
  }
  return kept;
}

size_t gather_values(const Column& column, const uint32_t* rows, size_t count, Column& dense) {
  dense.prepare(column.type, count);
  switch (column.type) {
    case Type::kText:
      return gather(column.text, column, rows, count, dense.text);
    case Type::kInt:
    case Type::kTime:
      return gather(column.ints, column, rows, count, dense.ints);
    case Type::kFloat:
      return gather(column.floats, column, rows, count, dense.floats);
    case Type::kBool:
      return gather(column.bools, column, rows, count, dense.bools);
  }
  return 0;
}

}  // namespace

ColumnProfile::ColumnProfile(Type type, uint32_t exact_values)
    : type_(type), exact_values_(type == Type::kBool ? 2 : exact_values) {
  table_ = std::make_unique<GroupTable>(std::vector<Type>{type}, 1);
  if (type == Type::kFloat) totals_.emplace<1>();
  if (type == Type::kTime) totals_.emplace<2>();
  if (type == Type::kText) totals_.emplace<3>();
}

void ColumnProfile::add(const Column& column, const uint32_t* rows, size_t count,
                        ValueCounter& counter, ProfileScratch& scratch) {
  if (rows == nullptr && !column.has_nulls) {
    values_ += count;
    add_dense(column, count, counter, scratch);
    return;
  }
  const size_t kept = gather_values(column, rows, count, scratch.dense);
  values_ += kept;
  nulls_ += count - kept;
  add_dense(scratch.dense, kept, counter, scratch);
}

void ColumnProfile::add_dense(const Column& values, size_t count, ValueCounter& counter,
                              ProfileScratch& scratch) {
  if (table_ == nullptr) {
    add_to_totals(values, count, scratch);
    return;
  }
  const bool is_text = type_ == Type::kText;
  counter.add(is_text ? with_short_texts(values, count, scratch) : values, count, *table_,
              scratch.counted);
  if (table_->size() > exact_values_) take_counts(counter, scratch);
}

void ColumnProfile::take_counts(ValueCounter& counter, ProfileScratch& scratch) {
  if (table_ == nullptr) return;
  counter.flush(*table_, scratch.counted);
  if (table_->size() > exact_values_) go_beyond_limit();
}

/// The texts with keys for long ones, which are added to the totals here; `values` itself if there
/// are none.
const Column& ColumnProfile::with_short_texts(const Column& values, size_t count,
                                              ProfileScratch& scratch) {
  const std::string_view* const texts = values.text.data();
  size_t longest = 0;
  for (size_t i = 0; i < count; ++i) longest = std::max(longest, texts[i].size());
  if (longest <= kWholeTextBytes) [[likely]]
    return values;
  scratch.arena.clear();
  scratch.short_texts.prepare(Type::kText, count);
  for (size_t i = 0; i < count; ++i) {
    std::string_view& key = scratch.short_texts.text[i];
    key = texts[i];
    if (!needs_text_key(key)) continue;
    std::get<TextTotals>(totals_).add(&texts[i], 1);
    key = scratch.arena.copy(long_text_key(key));
  }
  return scratch.short_texts;
}

void ColumnProfile::add_to_totals(const Column& values, size_t count, ProfileScratch& scratch) {
  switch (type_) {
    case Type::kText:
      fill_hashes(values.text.data(), count, scratch.hashes, text_hash);
      break;
    case Type::kInt:
    case Type::kTime:
      fill_hashes(values.ints.data(), count, scratch.hashes, hash_whole);
      break;
    case Type::kFloat:
      fill_hashes(values.floats.data(), count, scratch.hashes, hash_number);
      break;
    case Type::kBool:
      check_failed("at most two different bools", __FILE__, __LINE__);
  }
  distinct_.add_all(scratch.hashes.data(), count, kDistinctLimit);
  std::visit([&](auto& totals) { add_values(totals, values, count); }, totals_);
}

uint64_t ColumnProfile::group_hash(uint32_t group) const {
  switch (type_) {
    case Type::kText:
      return key_hash(table_->text(group, 0));
    case Type::kFloat:
      return hash_number(table_->number(group, 0));
    case Type::kInt:
    case Type::kTime:
    case Type::kBool:
      break;
  }
  return hash_whole(table_->integer(group, 0));
}

void ColumnProfile::add_groups_to(Totals& totals) const {
  std::visit([&](auto& into) { add_groups(into, *table_); }, totals);
}

void ColumnProfile::go_beyond_limit() {
  add_groups_to(totals_);
  for (uint32_t group = 0; group < table_->size(); ++group) {
    distinct_.add(group_hash(group), kDistinctLimit);
  }
  table_.reset();
}

void ColumnProfile::merge(ColumnProfile&& other) {
  values_ += other.values_;
  nulls_ += other.nulls_;
  if (table_ != nullptr && other.table_ != nullptr) {
    merge_groups(*table_, *other.table_, [&](const GroupMapping& mapping) {
      const StateWords mine = table_->state();
      const StateWords theirs = other.table_->state();
      for (size_t i = 0; i < mapping.count; ++i) {
        *mine.at(mapping.into[i]) += *theirs.at(static_cast<uint32_t>(mapping.first + i));
      }
    });
    if (table_->size() > exact_values_) go_beyond_limit();
  } else {
    if (table_ != nullptr) go_beyond_limit();
    if (other.table_ != nullptr) other.go_beyond_limit();
  }
  distinct_.merge(other.distinct_, kDistinctLimit);
  std::visit(
      [&](auto& totals) { totals.merge(std::get<std::decay_t<decltype(totals)>>(other.totals_)); },
      totals_);
}

void ColumnProfile::encode(ByteWriter& writer) const {
  writer.varint(values_);
  writer.varint(nulls_);
  writer.u8(table_ != nullptr ? 1 : 0);
  if (table_ != nullptr) {
    const std::vector<uint32_t> order = table_->sorted();
    encode_keys(*table_, order, writer);
    for (const uint32_t group : order) writer.varint(*table_->state().at(group));
  } else {
    distinct_.encode(writer);
  }
  std::visit([&](const auto& totals) { totals.encode(writer); }, totals_);
}

void ColumnProfile::decode(ByteReader& reader) {
  values_ = reader.varint();
  nulls_ = reader.varint();
  const uint8_t has_table = reader.u8();
  if (has_table > 1) reader.fail();
  if (has_table == 1) {
    decode_keys(reader, *table_);
    if (table_->size() > exact_values_) reader.fail();
    for (uint32_t group = 0; group < table_->size() && !reader.failed(); ++group) {
      *table_->state().at(group) = reader.varint();
    }
  } else {
    table_.reset();
    distinct_ = DistinctSet::decode(reader, kDistinctLimit);
  }
  std::visit([&](auto& totals) { totals = std::decay_t<decltype(totals)>::decode(reader); },
             totals_);
}

size_t ColumnProfile::memory_bytes() const {
  return sizeof *this + (table_ == nullptr ? 0 : table_->memory_bytes()) + distinct_.held_bytes() +
         std::visit([](const auto& totals) { return totals.held_bytes(); }, totals_);
}

void ColumnProfile::finish() {
  if (table_ == nullptr) return;
  add_groups_to(totals_);
  order_ = table_->sorted();
  uint64_t rank = 0;
  for (const uint32_t group : order_) {
    rank += *table_->state().at(group);
    ranks_.push_back(rank);
  }
}

uint64_t ColumnProfile::distinct() const {
  return table_ != nullptr ? table_->size() : distinct_.count(exact_values_);
}

uint32_t ColumnProfile::group_at(uint64_t rank) const {
  const auto at = std::lower_bound(ranks_.begin(), ranks_.end(), rank);
  SHARDMILL_CHECK(at != ranks_.end());
  return order_[static_cast<size_t>(at - ranks_.begin())];
}

int64_t ColumnProfile::whole_at(uint64_t rank) const {
  if (table_ != nullptr) return table_->integer(group_at(rank), 0);
  return type_ == Type::kTime ? times().time_at(rank) : whole().value_at(rank);
}

double ColumnProfile::number_at(uint64_t rank) const {
  return table_ != nullptr ? table_->number(group_at(rank), 0) : numbers().value_at(rank);
}

}  // namespace shardmill
