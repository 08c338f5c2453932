#include "inputs/support/hdf5_file_columns.h"

#include <algorithm>
#include <string_view>

namespace shardmill {

namespace {

/// How rows are records.
struct Records {
  uint64_t per_row = 1;
  bool is_constant = false;  ///< one element stands for all records
  uint64_t inner = 0;        ///< which element of each row, if a row is one record

  uint64_t row(uint64_t record) const { return record / per_row; }
};

class ElementsColumn final : public Hdf5FileColumn {
 public:
  ElementsColumn(Hdf5Elements& elements, const Records& records, Hdf5ColumnFiller filler)
      : elements_(elements), records_(records), filler_(std::move(filler)) {}

  Status load(uint64_t row, uint64_t& end) override {
    if (records_.is_constant) return elements_.load(0, 1);
    RETURN_IF_ERROR(elements_.load(row, end));
    end = std::min(end, elements_.block().end);
    return {};
  }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    const Hdf5Block& block = elements_.block();
    Hdf5Span span = {.first = block.data + filler_.form().leaf->offset, .count = range.count};
    if (records_.per_row > 1) {
      span.first += (range.first - block.begin * records_.per_row) * block.inner_stride;
      span.stride = block.inner_stride;
    } else if (!records_.is_constant) {
      span.first +=
          (range.first - block.begin) * block.row_stride + records_.inner * block.inner_stride;
      span.stride = block.row_stride;
    }
    filler_.fill(span, target);
  }

 private:
  Hdf5Elements& elements_;
  const Records records_;
  Hdf5ColumnFiller filler_;
};

class LibraryColumn final : public Hdf5FileColumn {
 public:
  LibraryColumn(Hdf5LibraryColumn& values, const Records& records, Hdf5ColumnFiller filler)
      : values_(values), records_(records), filler_(std::move(filler)) {}

  Status load(uint64_t row, uint64_t& end) override {
    if (records_.is_constant) return values_.load(0, 1);
    RETURN_IF_ERROR(values_.load(row, end));
    end = std::min(end, values_.end());
    return {};
  }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    from_.values = &values_;
    from_.positions.resize(range.count);
    for (size_t i = 0; i < range.count; ++i) {
      const uint64_t record = range.first + i;
      from_.positions[i] =
          records_.is_constant
              ? 0
              : values_.position(records_.row(record),
                                 records_.per_row > 1 ? record % records_.per_row : records_.inner);
    }
    filler_.fill(from_, target);
  }

 private:
  Hdf5LibraryColumn& values_;
  const Records records_;
  Hdf5ColumnFiller filler_;
  Hdf5ColumnFiller::FromLibrary from_;
};

/// The index along one dimension.
class IndexColumn final : public Hdf5FileColumn {
 public:
  IndexColumn(uint64_t behind, uint64_t size, const Hdf5WantedColumn& wanted)
      : behind_(std::max<uint64_t>(1, behind)),
        size_(std::max<uint64_t>(1, size)),
        leaf_{},
        filler_({.name = wanted.name, .type = wanted.type, .slot = wanted.slot, .leaf = &leaf_}) {
    leaf_.kind = Hdf5Kind::kInt;
    leaf_.size_bytes = sizeof(int64_t);
  }

  Status load(uint64_t, uint64_t&) override { return {}; }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    values_.resize(range.count);
    for (size_t i = 0; i < range.count; ++i) {
      values_[i] = static_cast<int64_t>((range.first + i) / behind_ % size_);
    }
    filler_.fill({.first = reinterpret_cast<const char*>(values_.data()),
                  .stride = sizeof(int64_t),
                  .count = range.count},
                 target);
  }

 private:
  uint64_t behind_;  ///< records for each step of the index
  uint64_t size_;
  Hdf5Leaf leaf_;
  Hdf5ColumnFiller filler_;
  std::vector<int64_t> values_;
};

class AttributeColumn final : public Hdf5FileColumn {
 public:
  AttributeColumn(const Hdf5Attribute& attribute, const Hdf5WantedColumn& wanted)
      : filler_({.name = wanted.name, .type = wanted.type, .slot = wanted.slot, .leaf = &leaf_}) {
    leaf_.kind = attribute.kind;
    leaf_.size_bytes = sizeof(uint64_t);
    bytes_.assign(reinterpret_cast<const char*>(&attribute.integer), sizeof attribute.integer);
    if (attribute.kind == Hdf5Kind::kFloat) {
      bytes_.assign(reinterpret_cast<const char*>(&attribute.number), sizeof attribute.number);
    } else if (attribute.kind == Hdf5Kind::kText) {
      leaf_.kind = Hdf5Kind::kBytes;
      leaf_.size_bytes = attribute.text.size();
      bytes_ = attribute.text;
    }
  }

  Status load(uint64_t, uint64_t&) override { return {}; }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    filler_.fill({.first = bytes_.data(), .stride = 0, .count = range.count}, target);
  }

 private:
  Hdf5Leaf leaf_;
  std::string bytes_;
  Hdf5ColumnFiller filler_;
};

class NullColumn final : public Hdf5FileColumn {
 public:
  explicit NullColumn(const Hdf5WantedColumn& wanted) : wanted_(wanted) {}
  Status load(uint64_t, uint64_t&) override { return {}; }
  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    Column& column = target.batch->columns[wanted_.slot];
    column.prepare(wanted_.type, range.count);
    for (size_t i = 0; i < range.count; ++i) column.set_null(i);
  }

 private:
  const Hdf5WantedColumn& wanted_;
};

}  // namespace

Hdf5FileColumns::Hdf5FileColumns(const Hdf5Job& job, const Hdf5Access& access, Hdf5Table table)
    : job_(job), access_(access), table_(std::move(table)) {
  std::map<std::string_view, const Hdf5Column*> by_name;
  for (const Hdf5Column& column : table_.columns) by_name[column.name] = &column;
  for (const Hdf5WantedColumn& wanted : job_.columns) {
    const auto at = by_name.find(wanted.name);
    columns_.push_back(at == by_name.end() ? std::make_unique<NullColumn>(wanted)
                                           : make(wanted, at->second->source));
  }
}

std::unique_ptr<Hdf5FileColumn> Hdf5FileColumns::make(const Hdf5WantedColumn& wanted,
                                                      const Hdf5Source& source) {
  record_bytes_ += sizeof(uint64_t);
  switch (source.kind) {
    case Hdf5Source::Kind::kValue:
      return make_value(wanted, source);
    case Hdf5Source::Kind::kIndex:
      return make_index(wanted, source.dimension);
    case Hdf5Source::Kind::kAttribute:
      break;
  }
  return std::make_unique<AttributeColumn>(file().attributes[source.attribute], wanted);
}

std::unique_ptr<Hdf5FileColumn> Hdf5FileColumns::make_index(const Hdf5WantedColumn& wanted,
                                                            size_t dimension) {
  uint64_t behind = 1;
  for (size_t i = dimension + 1; i < table_.dims.size(); ++i) behind *= table_.dims[i];
  return std::make_unique<IndexColumn>(behind, table_.dims[dimension], wanted);
}

std::unique_ptr<Hdf5FileColumn> Hdf5FileColumns::make_value(const Hdf5WantedColumn& wanted,
                                                            const Hdf5Source& source) {
  const Hdf5Dataset& dataset = file().datasets[source.dataset];
  const Hdf5Leaf& leaf = dataset.leaves[source.leaf];
  const Hdf5Shape& shape = table_.shapes[source.dataset];
  const Records records = {.per_row = table_.records_per_row,
                           .is_constant = table_.is_constant[source.dataset] != 0,
                           .inner = source.inner};
  if (dataset.is_empty) return std::make_unique<NullColumn>(wanted);
  record_bytes_ += leaf.size_bytes;
  if (!records.is_constant) chunk_rows_ = std::max(chunk_rows_, shape.chunk_rows);
  Hdf5ColumnFiller filler({.name = wanted.name,
                           .type = wanted.type,
                           .slot = wanted.slot,
                           .leaf = &leaf,
                           .fill = fill_of(dataset, leaf),
                           .nan_is_null = job_.options.nan_is_null});
  if (leaf.from_library) {
    return std::make_unique<LibraryColumn>(library_column(source, shape), records,
                                           std::move(filler));
  }
  return std::make_unique<ElementsColumn>(elements(source.dataset, shape), records,
                                          std::move(filler));
}

std::string Hdf5FileColumns::fill_of(const Hdf5Dataset& dataset, const Hdf5Leaf& leaf) const {
  if (!job_.options.fill_is_null || !dataset.fill_is_users) return {};
  return dataset.fill.substr(leaf.offset, leaf.size_bytes);
}

Hdf5Elements& Hdf5FileColumns::elements(uint64_t dataset, const Hdf5Shape& shape) {
  std::unique_ptr<Hdf5Elements>& elements = elements_[dataset];
  if (elements == nullptr) elements = std::make_unique<Hdf5Elements>(access_, dataset, shape);
  return *elements;
}

Hdf5LibraryColumn& Hdf5FileColumns::library_column(const Hdf5Source& source,
                                                   const Hdf5Shape& shape) {
  auto& column = library_columns_[{source.dataset, source.leaf}];
  if (column == nullptr) {
    column = std::make_unique<Hdf5LibraryColumn>(access_, source.dataset, source.leaf, shape);
  }
  return *column;
}

}  // namespace shardmill
