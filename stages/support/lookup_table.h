// A small table of keys and values, held whole in memory: what `lookup` joins records with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/arena.h"
#include "pipeline/base/message.h"
#include "pipeline/core/batch.h"

namespace shardmill {

/// What to read, and as what.
struct LookupSource {
  const std::string* content = nullptr;  ///< plain bytes; only needed while the table is read
  std::string name;                      ///< for messages: "table \"cities.csv\""
  std::string format;                    ///< "csv", "tsv", "jsonl" or "lines"
  std::string delimiter;                 ///< csv: one byte; empty: that of the format
  std::vector<std::string> names;        ///< of the columns; empty: the first line of csv and tsv
  struct Key {
    std::string column;
    Type type = Type::kText;  ///< of the records' column: the table's values are read as this
  };
  std::vector<Key> keys;
  /// Columns whose values are wanted; unset: all that are no key.
  std::optional<std::vector<std::string>> columns;
  std::vector<std::pair<std::string, Type>> types;  ///< instead of what the values show
  /// Of rows with the same key and other values the first counts; otherwise they are a mistake.
  bool first_of_duplicates = false;
  uint64_t memory_bytes_max = 0;
};

/// The keys of the rows of one batch in a form that can be compared: equal keys have equal words,
/// or equal bytes. -0 equals +0, NaN equals NaN. One worker's scratch memory.
class LookupKeys {
 public:
  /// Reads the selected rows. `columns` outlive the use of what is read.
  void read(std::span<const Column* const> columns, const Batch& batch);

  /// True if the keys are one word each; otherwise they are bytes.
  static bool are_words(std::span<const Column* const> columns) {
    return columns.size() == 1 && columns[0]->type != Type::kText;
  }
  /// A key with a null in it equals nothing. The rest is not to be read then.
  bool is_null(size_t row) const { return null_[row] != 0; }
  uint64_t hash(size_t row) const { return hashes_[row]; }
  uint64_t word(size_t row) const { return words_[row]; }
  std::string_view bytes(size_t row) const { return bytes_[row]; }

 private:
  template <typename WordOf>
  void read_words(const Column& column, const Batch& batch, WordOf&& word_of);
  void read_texts(const Column& column, const Batch& batch);
  void read_several(std::span<const Column* const> columns, const Batch& batch);

  std::vector<uint8_t> null_;
  std::vector<uint64_t> hashes_;
  std::vector<uint64_t> words_;
  std::vector<std::string_view> bytes_;
  Arena arena_;
};

/// Rows found by the values of their key columns; null equals nothing. Immutable once read; any
/// thread.
class LookupTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// Takes the format's own reader. Every record must be sound and every value of its column's
  /// type: nullptr and `problem` (without a place) otherwise, with the line where that is known.
  /// Types of columns that are no keys follow from all their values, unless `types` names them.
  /// "lines" is one key a line, in the column `line`; blank lines are passed over.
  static std::unique_ptr<const LookupTable> read(const LookupSource& source, Message& problem);

  struct NamedColumn {
    std::string name;
    Column values;
  };
  /// The wanted columns, in the order of the source, by row.
  const std::vector<NamedColumn>& columns() const { return columns_; }
  size_t rows() const { return rows_; }
  size_t memory_bytes() const;

  /// For each selected row of `batch` the table's row with the same key, or kNone, at
  /// matches[row]; `matches` grows as needed. With what the stage does around it 20 ns a row for a
  /// table of 10,000 rows and 30 to 60 ns for a million, bounded by two cache misses a row, of
  /// which several are under way.
  /// REQUIRES: one column per key, of its type.
  void find(std::span<const Column* const> keys, const Batch& batch, LookupKeys& scratch,
            std::vector<uint32_t>& matches) const;

 private:
  friend class LookupReader;

  template <typename Key, typename KeyOf>
  void find_all(const std::vector<Key>& stored, KeyOf&& key_of, const Batch& batch,
                const LookupKeys& keys, std::vector<uint32_t>& matches) const;
  template <typename Key>
  uint32_t find_key(const std::vector<Key>& stored, const Key& key, uint64_t hash) const;
  void add_slot(uint64_t hash, uint32_t row);

  std::vector<NamedColumn> columns_;
  size_t rows_ = 0;
  bool has_words_ = false;  ///< keys are in word_keys_, otherwise in byte_keys_; by row
  std::vector<uint64_t> word_keys_;
  std::vector<std::string_view> byte_keys_;
  std::vector<uint64_t> slots_;  ///< half a hash << 32 | row + 1; 0 is free; power of two
  Arena texts_;
};

}  // namespace shardmill
