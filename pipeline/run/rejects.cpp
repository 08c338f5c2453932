#include "pipeline/run/rejects.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

void keep_smallest(BadValues& values, std::pair<RecordIdentity, std::string> example) {
  auto& examples = values.examples;
  examples.insert(std::upper_bound(examples.begin(), examples.end(), example), std::move(example));
  if (examples.size() > kBadValuesKept) examples.pop_back();
}

void encode_identity(ByteWriter& writer, const RecordIdentity& identity) {
  writer.varint(identity.file_index);
  writer.varint(identity.offset);
}

RecordIdentity decode_identity(ByteReader& reader) {
  RecordIdentity identity;
  identity.file_index = reader.varint();
  identity.offset = reader.varint();
  return identity;
}

void encode_reject(ByteWriter& writer, const KeptReject& reject) {
  encode_identity(writer, reject.identity);
  writer.text(reject.reason);
  writer.text(reject.bytes);
  writer.varint(reject.record_bytes);
  writer.varint(reject.slice_begin);
  writer.u8(reject.ordinal ? 1 : 0);
  writer.varint(reject.ordinal.value_or(0));
  writer.u8(reject.by_stage ? 1 : 0);
}

KeptReject decode_reject(ByteReader& reader) {
  KeptReject reject;
  reject.identity = decode_identity(reader);
  reject.reason = reader.text();
  reject.bytes = reader.text();
  reject.record_bytes = reader.varint();
  reject.slice_begin = reader.varint();
  const bool has_ordinal = reader.u8() != 0;
  const uint64_t ordinal = reader.varint();
  if (has_ordinal) reject.ordinal = ordinal;
  reject.by_stage = reader.u8() != 0;
  return reject;
}

void encode_bad_values(ByteWriter& writer, const std::string& column, const BadValues& values) {
  writer.text(column);
  writer.varint(values.count);
  writer.varint(values.examples.size());
  for (const auto& [identity, value] : values.examples) {
    encode_identity(writer, identity);
    writer.text(value);
  }
}

BadValues decode_bad_values(ByteReader& reader) {
  BadValues values;
  values.count = reader.varint();
  const uint64_t examples = reader.varint();
  if (!reader.count_fits(examples, 3)) return values;
  for (uint64_t i = 0; i < examples; ++i) {
    const RecordIdentity identity = decode_identity(reader);
    values.examples.emplace_back(identity, reader.text());
  }
  return values;
}

}  // namespace

bool Rejects::would_keep(const RecordIdentity& identity) const {
  if (kept_.size() < most_kept_) return true;
  return most_kept_ > 0 && identity <= kept_.back().identity;
}

void Rejects::add(KeptReject reject) {
  if (!would_keep(reject.identity)) return;
  kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), reject), std::move(reject));
  cut();
}

void Rejects::cut() {
  if (kept_.size() > most_kept_) kept_.resize(most_kept_);
}

void Rejects::add_bad_value(const RecordIdentity& identity, std::string_view column,
                            std::string_view value) {
  auto at = bad_values_.find(column);
  if (at == bad_values_.end()) at = bad_values_.emplace(std::string(column), BadValues()).first;
  BadValues& values = at->second;
  ++values.count;
  const bool full = values.examples.size() == kBadValuesKept;
  if (full && values.examples.back().first < identity) return;
  keep_smallest(values, {identity, std::string(value.substr(0, kBadValueBytesKept))});
}

void Rejects::merge(Rejects&& other) {
  count_ += other.count_;
  std::vector<KeptReject> both;
  both.reserve(kept_.size() + other.kept_.size());
  std::merge(std::make_move_iterator(kept_.begin()), std::make_move_iterator(kept_.end()),
             std::make_move_iterator(other.kept_.begin()),
             std::make_move_iterator(other.kept_.end()), std::back_inserter(both));
  kept_ = std::move(both);
  cut();
  for (auto& [column, values] : other.bad_values_) {
    BadValues& ours = bad_values_[column];
    ours.count += values.count;
    for (auto& example : values.examples) keep_smallest(ours, std::move(example));
  }
}

void Rejects::encode(ByteWriter& writer) const {
  writer.varint(count_);
  writer.varint(kept_.size());
  for (const KeptReject& reject : kept_) encode_reject(writer, reject);
  writer.varint(bad_values_.size());
  for (const auto& [column, values] : bad_values_) encode_bad_values(writer, column, values);
}

Rejects Rejects::decode(ByteReader& reader, uint64_t most_kept) {
  Rejects rejects(most_kept);
  rejects.count_ = reader.varint();
  const uint64_t kept = reader.varint();
  if (!reader.count_fits(kept, 8)) return rejects;
  for (uint64_t i = 0; i < kept; ++i) rejects.kept_.push_back(decode_reject(reader));
  const uint64_t columns = reader.varint();
  if (!reader.count_fits(columns, 3)) return rejects;
  for (uint64_t i = 0; i < columns; ++i) {
    std::string column(reader.text());
    rejects.bad_values_[std::move(column)] = decode_bad_values(reader);
  }
  return rejects;
}

void UnitRejectLog::begin_slice(const FileSlice& slice) {
  file_index_ = slice.file_index;
  slice_begin_ = slice.begin;
  before_batch_ = 0;
  by_reader_kept_ = 0;
  by_reader_ = 0;
  bad_values_ = 0;
  records_ = 0;
  batch_ = nullptr;
  reading_ = true;
  has_offsets_ = true;
}

void UnitRejectLog::begin_read() {
  if (batch_ != nullptr) records_ += batch_rows_;
  batch_ = nullptr;
  reading_ = true;
  before_batch_ = of_slice_.size();
}

void UnitRejectLog::see_batch(const Batch& batch) {
  batch_ = &batch;
  batch_rows_ = batch.rows;
  uncut_ = batch.uncut;
  reading_ = false;
  // Room for them says that the input gives offsets wherever it rejects (WantedOffsets).
  has_offsets_ = has_offsets_ && (uncut_ != nullptr || batch.offsets.size() >= batch.rows);
  for (size_t i = before_batch_; i < of_slice_.size(); ++i) {
    of_slice_[i].records_before = records_before(of_slice_[i].reject.identity.offset);
  }
}

/// How many records of the slice start before `offset`, which lies in or before the batch.
uint64_t UnitRejectLog::records_before(uint64_t offset) const {
  if (!has_offsets_) return 0;
  if (uncut_ != nullptr) {
    const std::string_view before =
        uncut_->text().substr(0, offset - std::min(offset, uncut_->offset()));
    return records_ + static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n'));
  }
  const auto first = batch_->offsets.begin();
  const auto last = first + static_cast<ptrdiff_t>(batch_rows_);
  return records_ + static_cast<uint64_t>(std::lower_bound(first, last, offset) - first);
}

void UnitRejectLog::end_slice() {
  begin_read();
  std::stable_sort(of_slice_.begin(), of_slice_.end(), [](const Seen& a, const Seen& b) {
    return a.reject.identity < b.reject.identity;
  });
  uint64_t rejected_before = 0;
  for (Seen& seen : of_slice_) {
    const uint64_t records = seen.records_before.value_or(records_);
    if (has_offsets_) seen.reject.ordinal = records + rejected_before;
    rejected_before += seen.by_reader ? 1 : 0;
    rejects_.add(std::move(seen.reject));
  }
  of_slice_.clear();
}

void UnitRejectLog::reject(std::string_view, uint64_t offset, std::string_view bytes,
                           uint64_t record_bytes, std::string_view reason) {
  rejects_.count_one();
  const bool by_reader = reading_;
  by_reader_ += by_reader ? 1 : 0;
  const RecordIdentity identity = {file_index_, offset};
  if (!rejects_.would_keep(identity)) return;
  const size_t kept_before = by_reader ? by_reader_kept_ : before_batch_;
  if (in_order_ && kept_before >= most_kept_) return;
  KeptReject kept = {.identity = identity,
                     .reason = std::string(reason),
                     .bytes = std::string(bytes.substr(0, bytes_kept_)),
                     .record_bytes = record_bytes,
                     .slice_begin = slice_begin_,
                     .ordinal = std::nullopt,
                     .by_stage = !by_reader};
  if (!in_order_) {
    rejects_.add(std::move(kept));
    return;
  }
  Seen& seen = of_slice_.emplace_back();
  seen.reject = std::move(kept);
  seen.by_reader = by_reader;
  if (by_reader) {
    ++by_reader_kept_;
  } else {
    seen.records_before = records_before(offset);
  }
}

const KeptReject* UnitRejectLog::example() const {
  if (!rejects_.kept().empty()) return &rejects_.kept()[0];
  return of_slice_.empty() ? nullptr : &of_slice_[0].reject;
}

void UnitRejectLog::bad_value(std::string_view, uint64_t offset, std::string_view column,
                              std::string_view value) {
  ++bad_values_;
  rejects_.add_bad_value({file_index_, offset}, column, value);
}

std::optional<uint64_t> most_rejects(std::string_view limit) {
  int64_t most = 0;
  if (!parse_int(limit, most)) return std::nullopt;
  return static_cast<uint64_t>(most);
}

bool too_many_rejects(std::string_view limit, uint64_t rejects, uint64_t records) {
  if (const std::optional<uint64_t> most = most_rejects(limit)) return rejects > *most;
  if (!limit.ends_with('%')) return false;
  limit.remove_suffix(1);
  double percent = 0;
  return parse_float(trimmed(limit), percent) &&
         static_cast<double>(rejects) * 100 > percent * static_cast<double>(records);
}

}  // namespace shardmill
