#include "stages/support/lookup_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "pipeline/base/hash.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/core/registry.h"

namespace shardmill {

namespace {

constexpr size_t kSlotsAtFirst = 64;
constexpr std::string_view kLines = "lines";

uint64_t float_word(double value) {
  const double one_of_its_kind =
      std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value + 0.0;  // -0 becomes +0
  return std::bit_cast<uint64_t>(one_of_its_kind);
}

/// Of a value that is no text.
uint64_t word_of(const Column& column, size_t row) {
  switch (column.type) {
    case Type::kFloat:
      return float_word(column.floats[row]);
    case Type::kBool:
      return column.bools[row];
    default:
      return static_cast<uint64_t>(column.ints[row]);
  }
}

/// Spreads every bit over all others (the finaliser of MurmurHash3, public domain).
uint64_t hash_word(uint64_t word) {
  word ^= word >> 33;
  word *= 0xff51afd7ed558ccdULL;
  word ^= word >> 33;
  word *= 0xc4ceb9fe1a85ec53ULL;
  return word ^ (word >> 33);
}

/// A word is its value or the length of the text behind it, so that keys do not run together.
char* append_word(char* out, uint64_t word) {
  std::memcpy(out, &word, sizeof word);
  return out + sizeof word;
}

char* append_key(char* out, const Column& column, size_t row) {
  if (column.type != Type::kText) return append_word(out, word_of(column, row));
  const std::string_view text = column.text[row];
  out = append_word(out, text.size());
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

uint32_t tag_of(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}

template <typename T>
void grow_ahead_to(std::vector<T>& values, size_t rows) {
  if (values.size() < rows) values.resize(std::max(rows, values.size() + values.size() / 2));
}

/// Calls visit(values) for the vector that holds the column's values.
template <typename Columns, typename Visit>
void with_values(Columns& column, Visit&& visit) {
  switch (column.type) {
    case Type::kText:
      return visit(column.text);
    case Type::kInt:
    case Type::kTime:
      return visit(column.ints);
    case Type::kFloat:
      return visit(column.floats);
    case Type::kBool:
      return visit(column.bools);
  }
}

/// The value of a column that is being read as the next one of a column of the table.
void append_value(const Column& from, size_t row, Column& to, size_t to_row, Arena& texts) {
  grow_ahead_to(to.null, to_row + 1);
  with_values(to, [&](auto& values) { grow_ahead_to(values, to_row + 1); });
  if (from.is_null(row)) return to.set_null(to_row);
  to.null[to_row] = 0;
  if (to.type == Type::kText) {
    to.text[to_row] = texts.copy(from.text[row]);
  } else if (to.type == Type::kFloat) {
    to.floats[to_row] = from.floats[row];
  } else if (to.type == Type::kBool) {
    to.bools[to_row] = from.bools[row];
  } else {
    to.ints[to_row] = from.ints[row];
  }
}

bool equal_values(const Column& a, size_t a_row, const Column& b, size_t b_row) {
  if (a.is_null(a_row) || b.is_null(b_row)) return a.is_null(a_row) == b.is_null(b_row);
  if (a.type == Type::kText) return a.text[a_row] == b.text[b_row];
  return word_of(a, a_row) == word_of(b, b_row);
}

size_t memory_of(const Column& column) {
  size_t bytes = column.null.capacity();
  with_values(column, [&](const auto& values) { bytes += values.capacity() * sizeof(values[0]); });
  return bytes;
}

/// Keeps the first mistake.
class FirstMistake final : public RejectLog {
 public:
  void reject(std::string_view, uint64_t offset, std::string_view, uint64_t,
              std::string_view reason) override {
    note({.offset = offset, .what = std::string(reason), .column = {}});
  }
  void bad_value(std::string_view, uint64_t offset, std::string_view column,
                 std::string_view value) override {
    note({.offset = offset,
          .what = fmt::format("value {} of column {}", quoted(value), quoted(column)),
          .column = std::string(column)});
  }

  struct Mistake {
    uint64_t offset = 0;
    std::string what;
    std::string column;  ///< not empty if it is a value of it
  };
  const std::optional<Mistake>& mistake() const { return mistake_; }

 private:
  void note(Mistake mistake) {
    if (!mistake_ || mistake.offset < mistake_->offset) mistake_ = std::move(mistake);
  }

  std::optional<Mistake> mistake_;
};

}  // namespace

void LookupKeys::read(std::span<const Column* const> columns, const Batch& batch) {
  grow_ahead_to(null_, batch.rows);
  grow_ahead_to(hashes_, batch.rows);
  arena_.clear();
  if (!are_words(columns)) {
    grow_ahead_to(bytes_, batch.rows);
    return columns.size() == 1 ? read_texts(*columns[0], batch) : read_several(columns, batch);
  }
  grow_ahead_to(words_, batch.rows);
  const Column& column = *columns[0];
  switch (column.type) {
    case Type::kFloat:
      return read_words(column, batch, [&](size_t row) { return float_word(column.floats[row]); });
    case Type::kBool:
      return read_words(column, batch, [&](size_t row) { return column.bools[row]; });
    default:
      return read_words(column, batch, [&](size_t row) { return column.ints[row]; });
  }
}

template <typename WordOf>
void LookupKeys::read_words(const Column& column, const Batch& batch, WordOf&& word_of) {
  batch.for_each_row([&](size_t row) {
    null_[row] = column.is_null(row) ? 1 : 0;
    if (null_[row] != 0) return;
    words_[row] = static_cast<uint64_t>(word_of(row));
    hashes_[row] = hash_word(words_[row]);
  });
}

void LookupKeys::read_texts(const Column& column, const Batch& batch) {
  batch.for_each_row([&](size_t row) {
    null_[row] = column.is_null(row) ? 1 : 0;
    if (null_[row] != 0) return;
    bytes_[row] = column.text[row];
    hashes_[row] = hash64(bytes_[row]);
  });
}

void LookupKeys::read_several(std::span<const Column* const> columns, const Batch& batch) {
  batch.for_each_row([&](size_t row) {
    size_t size = columns.size() * sizeof(uint64_t);
    null_[row] = 0;
    for (const Column* column : columns) {
      if (column->is_null(row)) {
        null_[row] = 1;
        return;
      }
      if (column->type == Type::kText) size += column->text[row].size();
    }
    char* const begin = arena_.allocate(size);
    char* end = begin;
    for (const Column* column : columns) end = append_key(end, *column, row);
    bytes_[row] = {begin, size};
    hashes_[row] = hash64(bytes_[row]);
  });
}

/// Fills a LookupTable. One use.
class LookupReader {
 public:
  LookupReader(const LookupSource& source, Message& problem) : source_(source), problem_(problem) {
    if (source.format == kLines) set_lines();
    if (!source.names.empty()) set_names(source.names);
    if (!source.delimiter.empty()) options_.set("delimiter", source.delimiter, 0);
  }

  std::unique_ptr<const LookupTable> read() {
    if (!infer() || !choose_columns() || !read_rows()) return nullptr;
    return std::move(table_);
  }

 private:
  /// Lines are CSV of one field, so that they can be keys of any type.
  void set_lines() {
    set_names({"line"});
    options_.set("quote", std::string(), 0);
    options_.set("delimiter", std::string(1, '\0'), 0);
  }

  void set_names(const std::vector<std::string>& names) {
    options_.set("header", false, 0);
    options_.set("columns", names, 0);
  }

  bool fail(std::string found, std::string expected, std::string fix) {
    problem_ = {.place = {},
                .found = source_.name + found,
                .expected = std::move(expected),
                .fix = std::move(fix)};
    return false;
  }

  const InputSpec& input() const {
    return *find_input(source_.format == "jsonl" ? "jsonl" : "csv");
  }

  uint64_t line_of(uint64_t offset) const {
    const std::string_view before = std::string_view(*source_.content).substr(0, offset);
    return 1 + static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n'));
  }

  /// The table's columns and their types.
  bool infer() {
    slice_.path = "table." + source_.format;
    slice_.size_bytes = source_.content->size();
    const SampleFiles samples = {.headers = {slice_},
                                 .types = {slice_},
                                 .type_bytes = source_.content->size() + 1,
                                 .content = source_.content};
    Problems ignored;  // with these options there are none
    Result<InputSchema> schema = input().infer(options_, {}, samples, ignored);
    if (!schema.is_ok()) return fail(": " + schema.status().message(), "", "");
    schema_ = std::move(*schema);
    return true;
  }

  std::optional<size_t> place_of(std::string_view column) const {
    for (size_t i = 0; i < schema_.columns.size(); ++i) {
      if (schema_.columns[i].name == column) return i;
    }
    return std::nullopt;
  }

  bool has_column(std::string_view column) {
    if (place_of(column)) return true;
    std::vector<std::string> names;
    for (const InputColumn& known : schema_.columns) names.push_back(known.name);
    const auto near = near_match(column, names);
    return fail(" has no column " + quoted(column),
                names.empty() ? "a table with columns" : "one of " + listed(names),
                near ? "did you mean " + quoted(*near) + "?" : "");
  }

  /// Keys first, then what is wanted; every other column is not read at all.
  bool choose_columns() {
    for (const auto& [column, type] : source_.types) {
      if (!has_column(column)) return false;
      schema_.columns[*place_of(column)].type = type;
    }
    wanted_.slots.resize(schema_.columns.size());
    for (const LookupSource::Key& key : source_.keys) {
      if (!has_column(key.column)) return false;
      const size_t place = *place_of(key.column);
      if (wanted_.slots[place]) {
        return fail(": column " + quoted(key.column) + " is compared twice", "each once",
                    "take one out of on");
      }
      schema_.columns[place].type = key.type;
      key_slots_.push_back(want(place));
    }
    for (const std::string& name : source_.columns ? *source_.columns : columns_without_keys()) {
      if (!has_column(name)) return false;
      const size_t place = *place_of(name);
      value_slots_.push_back(want(place));
      table_->columns_.push_back({.name = name, .values = {.type = schema_.columns[place].type}});
    }
    wanted_.offsets = WantedOffsets::kAll;
    return true;
  }

  std::vector<std::string> columns_without_keys() const {
    std::vector<std::string> names;
    for (size_t i = 0; i < schema_.columns.size(); ++i) {
      if (!wanted_.slots[i]) names.push_back(schema_.columns[i].name);
    }
    return names;
  }

  /// The batch's slot of a column of the schema.
  size_t want(size_t place) {
    if (!wanted_.slots[place]) wanted_.slots[place] = wanted_.slot_count++;
    return *wanted_.slots[place];
  }

  bool read_rows() {
    const auto bound = input().bind(options_, schema_, wanted_);
    const Result<std::unique_ptr<Reader>> reader =
        bound->open(slice_, {.limits = {}, .rejects = &mistakes_, .content = source_.content});
    if (!reader.is_ok()) return fail(": " + reader.status().message(), "", "");
    Batch batch;
    for (;;) {
      const Result<bool> more = (*reader)->next(batch);
      if (mistakes_.mistake()) return tell_mistake(*mistakes_.mistake());
      if (!more.is_ok()) return fail(": " + more.status().message(), "", "");
      if (!*more) return true;
      if (!take(batch)) return false;
    }
  }

  bool tell_mistake(const FirstMistake::Mistake& mistake) {
    const std::string line = fmt::format(", line {}: ", line_of(mistake.offset));
    if (mistake.column.empty()) {
      // The reader names options of [input] to mend it.
      return fail(line + mistake.what.substr(0, mistake.what.find("; ")), "", "mend the table");
    }
    const std::string found = line + mistake.what;
    const bool is_key =
        std::any_of(source_.keys.begin(), source_.keys.end(),
                    [&](const LookupSource::Key& key) { return key.column == mistake.column; });
    const Type type = schema_.columns[*place_of(mistake.column)].type;
    return fail(found, std::string(type_name(type)) + (is_key ? ", as the records have it" : ""),
                is_key ? "mend the table, or give the records' column another type"
                       : "mend the table, or its type in types");
  }

  bool take(const Batch& batch) {
    if (table_->rows_ + batch.rows >= LookupTable::kNone) {
      return fail(" has too many rows", "fewer than 4,294,967,295", "");
    }
    std::vector<const Column*> keys;
    for (const size_t slot : key_slots_) keys.push_back(&batch.columns[slot]);
    table_->has_words_ = LookupKeys::are_words(keys);
    keys_.read(keys, batch);
    for (size_t row = 0; row < batch.rows; ++row) {
      // No record can have a key with a null in it.
      if (!keys_.is_null(row) && !take_row(batch, row)) return false;
    }
    return is_within_memory();
  }

  bool take_row(const Batch& batch, size_t row) {
    const uint32_t first = find_key(row);
    if (first != LookupTable::kNone) return take_duplicate(batch, row, first);
    const auto to = static_cast<uint32_t>(table_->rows_++);
    if (table_->has_words_) {
      table_->word_keys_.push_back(keys_.word(row));
    } else {
      table_->byte_keys_.push_back(table_->texts_.copy(keys_.bytes(row)));
    }
    table_->add_slot(keys_.hash(row), to);
    offsets_.push_back(batch.offsets[row]);
    for (size_t i = 0; i < value_slots_.size(); ++i) {
      append_value(batch.columns[value_slots_[i]], row, table_->columns_[i].values, to,
                   table_->texts_);
    }
    return true;
  }

  uint32_t find_key(size_t row) const {
    return table_->has_words_
               ? table_->find_key(table_->word_keys_, keys_.word(row), keys_.hash(row))
               : table_->find_key(table_->byte_keys_, keys_.bytes(row), keys_.hash(row));
  }

  /// The same row again does no harm.
  bool take_duplicate(const Batch& batch, size_t row, uint32_t first) {
    if (source_.first_of_duplicates) return true;
    for (size_t i = 0; i < value_slots_.size(); ++i) {
      const LookupTable::NamedColumn& column = table_->columns_[i];
      if (equal_values(batch.columns[value_slots_[i]], row, column.values, first)) continue;
      std::vector<std::string> names;
      for (const LookupSource::Key& key : source_.keys) names.push_back(key.column);
      return fail(fmt::format(", line {}: the same {} as in line {} and another {}",
                              line_of(batch.offsets[row]), listed(names), line_of(offsets_[first]),
                              column.name),
                  "one row for each key", "mend the table, or set duplicates = \"first\"");
    }
    return true;
  }

  bool is_within_memory() {
    if (table_->memory_bytes() <= source_.memory_bytes_max) return true;
    return fail(
        fmt::format(" takes more than {} in memory", format_bytes(source_.memory_bytes_max)),
        "at most that (memory)", "raise memory, or take fewer columns of the table with columns");
  }

  const LookupSource& source_;
  Message& problem_;
  Options options_;  ///< of the input
  FileSlice slice_;
  InputSchema schema_;
  WantedColumns wanted_;
  std::vector<size_t> key_slots_;
  std::vector<size_t> value_slots_;
  LookupKeys keys_;
  FirstMistake mistakes_;
  std::vector<uint64_t> offsets_;  ///< by row of the table
  std::unique_ptr<LookupTable> table_ = std::make_unique<LookupTable>();
};

std::unique_ptr<const LookupTable> LookupTable::read(const LookupSource& source, Message& problem) {
  return LookupReader(source, problem).read();
}

size_t LookupTable::memory_bytes() const {
  size_t bytes = word_keys_.capacity() * sizeof(uint64_t) +
                 byte_keys_.capacity() * sizeof(std::string_view) +
                 slots_.capacity() * sizeof(uint64_t) + texts_.memory_bytes();
  for (const NamedColumn& column : columns_) bytes += memory_of(column.values);
  return bytes;
}

void LookupTable::find(std::span<const Column* const> keys, const Batch& batch, LookupKeys& scratch,
                       std::vector<uint32_t>& matches) const {
  grow_ahead_to(matches, batch.rows);
  if (rows_ == 0) {
    return batch.for_each_row([&](size_t row) { matches[row] = kNone; });
  }
  scratch.read(keys, batch);
  if (has_words_) {
    find_all(
        word_keys_, [&](size_t row) { return scratch.word(row); }, batch, scratch, matches);
  } else {
    find_all(
        byte_keys_, [&](size_t row) { return scratch.bytes(row); }, batch, scratch, matches);
  }
}

/// All slots are asked for before the first is looked at, so that the memory works on many at once.
template <typename Key, typename KeyOf>
void LookupTable::find_all(const std::vector<Key>& stored, KeyOf&& key_of, const Batch& batch,
                           const LookupKeys& keys, std::vector<uint32_t>& matches) const {
  const size_t mask = slots_.size() - 1;
  batch.for_each_row([&](size_t row) {
    if (!keys.is_null(row)) __builtin_prefetch(&slots_[tag_of(keys.hash(row)) & mask]);
  });
  batch.for_each_row([&](size_t row) {
    matches[row] = keys.is_null(row) ? kNone : find_key(stored, Key(key_of(row)), keys.hash(row));
  });
}

template <typename Key>
uint32_t LookupTable::find_key(const std::vector<Key>& stored, const Key& key,
                               uint64_t hash) const {
  if (slots_.empty()) return kNone;
  const size_t mask = slots_.size() - 1;
  const uint32_t tag = tag_of(hash);
  for (size_t at = tag & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const uint32_t row = static_cast<uint32_t>(slots_[at]) - 1;
    if (tag_of(slots_[at]) == tag && stored[row] == key) return row;
  }
  return kNone;
}

/// At most half of the slots are taken. The place of a slot follows from its tag, so that no key
/// is hashed again.
void LookupTable::add_slot(uint64_t hash, uint32_t row) {
  const auto put = [this](uint64_t slot) {
    const size_t mask = slots_.size() - 1;
    size_t at = tag_of(slot) & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  };
  if (rows_ * 2 > slots_.size()) {
    const std::vector<uint64_t> old = std::move(slots_);
    slots_.assign(std::max(kSlotsAtFirst, old.size() * 2), 0);
    for (const uint64_t slot : old) {
      if (slot != 0) put(slot);
    }
  }
  put((static_cast<uint64_t>(tag_of(hash)) << 32) | (row + 1));
}

}  // namespace shardmill
