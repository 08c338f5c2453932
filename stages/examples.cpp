#include <algorithm>
#include <tuple>

#include "pipeline/core/identity.h"
#include "pipeline/core/stage.h"

namespace shardmill {

namespace {

constexpr uint8_t kVersion = 1;

/// One record that was chosen: its identity, and its values as `encode_values` wrote them.
struct Chosen {
  uint64_t hash = 0;
  std::string path;
  uint64_t offset = 0;
  uint32_t sub_index = 0;
  std::string values;

  /// Equal hashes are told apart by identity, and that by what the record holds: the choice is
  /// total.
  auto rank() const { return std::tie(hash, path, offset, sub_index, values); }
  friend bool operator<(const Chosen& a, const Chosen& b) { return a.rank() < b.rank(); }
};

/// The `most` records with the smallest hash. A heap, largest first.
class ChosenRecords final : public Partial {
 public:
  explicit ChosenRecords(size_t most) : most_(most) {}

  bool wants(uint64_t hash) const {
    return heap_.size() < most_ || (most_ > 0 && hash <= heap_.front().hash);
  }

  void add(Chosen record) {
    if (most_ == 0) return;
    bytes_ += held_by(record);
    heap_.push_back(std::move(record));
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() <= most_) return;
    std::pop_heap(heap_.begin(), heap_.end());
    bytes_ -= held_by(heap_.back());
    heap_.pop_back();
  }

  void merge(Partial&& other) override {
    for (Chosen& record : static_cast<ChosenRecords&>(other).heap_) add(std::move(record));
  }

  void encode(ByteWriter& writer) const override {
    writer.u8(kVersion);
    writer.varint(heap_.size());
    for (const Chosen& record : sorted()) {
      writer.u64(record.hash);
      writer.text(record.path);
      writer.varint(record.offset);
      writer.varint(record.sub_index);
      writer.text(record.values);
    }
  }

  Status decode(ByteReader& reader) override {
    heap_.clear();
    bytes_ = 0;
    if (reader.u8() != kVersion) reader.fail();
    const uint64_t count = reader.varint();
    if (count > most_) reader.fail();
    if (!reader.count_fits(count, 12))
      return Status::failed("state of stage \"examples\" is damaged");
    Chosen before;
    for (uint64_t i = 0; i < count && !reader.failed(); ++i) {
      Chosen record;
      record.hash = reader.u64();
      record.path = reader.text();
      record.offset = reader.varint();
      record.sub_index = static_cast<uint32_t>(reader.varint());
      record.values = reader.text();
      if (i > 0 && record < before) reader.fail();  // canonical: ascending
      before = record;
      add(std::move(record));
    }
    return reader.failed() ? Status::failed("state of stage \"examples\" is damaged") : Status();
  }

  size_t memory_bytes() const override { return bytes_; }

  std::vector<Chosen> sorted() const {
    std::vector<Chosen> records = heap_;
    std::sort(records.begin(), records.end());
    return records;
  }

 private:
  static size_t held_by(const Chosen& record) {
    return sizeof(Chosen) + record.path.size() + record.values.size();
  }

  size_t most_;
  size_t bytes_ = 0;
  std::vector<Chosen> heap_;
};

struct NamedColumn {
  std::string name;
  ColumnRef ref;
};

void encode_value(ByteWriter& writer, const Column& column, size_t row, size_t text_bytes_max) {
  const bool is_null = column.is_null(row);
  writer.u8(is_null ? 1 : 0);
  if (is_null) return;
  switch (column.type) {
    case Type::kText:
      writer.text(column.text[row].substr(0, text_bytes_max));
      break;
    case Type::kInt:
    case Type::kTime:
      writer.i64(column.ints[row]);
      break;
    case Type::kFloat:
      writer.f64(column.floats[row]);
      break;
    case Type::kBool:
      writer.u8(column.bools[row]);
      break;
  }
}

void add_value(TableColumn& column, ByteReader& reader) {
  if (reader.u8() == 1) return column.add_null();
  switch (column.type) {
    case Type::kText:
      return column.add_text(reader.text());
    case Type::kInt:
    case Type::kTime:
      return column.add_int(reader.i64());
    case Type::kFloat:
      return column.add_float(reader.f64());
    case Type::kBool:
      return column.add_bool(reader.u8() != 0);
  }
}

struct Settings {
  size_t most = 0;
  uint64_t seed = 0;
  size_t text_bytes_max = 0;
  std::vector<NamedColumn> columns;
};

class ExamplesWorker final : public StageWorker {
 public:
  explicit ExamplesWorker(const Settings& settings) : settings_(settings), hash_(settings.seed) {}

  Status begin_slice(const FileSlice& slice, const StageContext&) override {
    hash_.begin_file(slice.path);
    return {};
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    auto& chosen = static_cast<ChosenRecords&>(*context.partial);
    batch.for_each_row([&](size_t row) {
      const uint64_t hash = hash_.of(batch, row);
      if (chosen.wants(hash)) chosen.add(record(batch, row, hash));
    });
    return next.pass(batch);
  }

 private:
  Chosen record(const Batch& batch, size_t row, uint64_t hash) const {
    ByteWriter values;
    for (const NamedColumn& column : settings_.columns) {
      encode_value(values, batch.columns[column.ref.slot], row, settings_.text_bytes_max);
    }
    return {.hash = hash,
            .path = batch.slice->path,
            .offset = batch.offsets[row],
            .sub_index = batch.sub_indices.empty() ? 0 : batch.sub_indices[row],
            .values = values.take()};
  }

  const Settings& settings_;
  IdentityHash hash_;
};

class Examples final : public BoundStage {
 public:
  explicit Examples(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<ExamplesWorker>(settings_);
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<ChosenRecords>(settings_.most);
  }

  std::vector<Table> finish(Partial& partial) const override {
    std::vector<Chosen> records = static_cast<ChosenRecords&>(partial).sorted();
    std::sort(records.begin(), records.end(), [](const Chosen& a, const Chosen& b) {
      return std::tie(a.path, a.offset, a.sub_index) < std::tie(b.path, b.offset, b.sub_index);
    });
    Table table;
    table.columns.push_back({.name = std::string(kFileColumn), .type = Type::kText});
    table.columns.push_back({.name = std::string(kOffsetColumn), .type = Type::kInt});
    table.key_columns = 2;
    for (const NamedColumn& column : settings_.columns) {
      table.columns.push_back({.name = column.name, .type = column.ref.type});
    }
    for (const Chosen& record : records) {
      table.columns[0].add_text(record.path);
      table.columns[1].add_int(static_cast<Int128>(record.offset));
      ByteReader reader(record.values);
      for (size_t i = 2; i < table.columns.size(); ++i) add_value(table.columns[i], reader);
    }
    return {table};
  }

 private:
  Settings settings_;
};

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  Settings settings = {.most = static_cast<size_t>(options.integer("n")),
                       .seed = static_cast<uint64_t>(options.integer("seed")),
                       .text_bytes_max = static_cast<size_t>(options.integer("text_bytes_max"))};
  const std::vector<std::string> names =
      options.has("columns") ? options.list("columns") : binder.schema().names();
  for (const std::string& name : names) {
    const std::optional<ColumnRef> ref = binder.use(name, options.line("columns"));
    if (!ref) return nullptr;
    settings.columns.push_back({.name = name, .ref = *ref});
  }
  binder.need_offsets();
  return std::make_unique<Examples>(std::move(settings));
}

}  // namespace

StageSpec stage_examples() {
  return {
      .name = "examples",
      .kind = StageKind::kSummarise,
      .summary = "show some records, chosen at random but the same on any layout",
      .doc =
          "Keeps the records with the smallest hash of file, byte offset and seed. The table lists "
          "them in the order "
          "of files and offsets.",
      .fields = {{.name = "n",
                  .kind = FieldKind::kInt,
                  .doc = "Records to show. Each is held in memory once per worker.",
                  .default_text = "10",
                  .min = 0,
                  .max = 100000},
                 {.name = "columns",
                  .kind = FieldKind::kColumnList,
                  .doc = "Columns to show; all of them if left out."},
                 {.name = "text_bytes_max",
                  .kind = FieldKind::kBytes,
                  .doc = "Longer texts are cut to this many bytes.",
                  .default_text = "1KiB",
                  .min = 1,
                  .max = 1 << 20},
                 {.name = "seed",
                  .kind = FieldKind::kInt,
                  .doc = "Another number chooses other records.",
                  .default_text = "0",
                  .min = 0,
                  .max = 9.0e18}},
      .bind = bind,
      .examples = {{.title = "With fewer records than n, all are shown.",
                    .input_format = "csv",
                    .input = {"city,people", "Oslo,709000", "Bergen,291000"},
                    .stage = "n = 5\ncolumns = [\"city\", \"people\"]",
                    .output = {"{ city = 'Oslo', people = 709000 }",
                               "{ city = 'Bergen', people = 291000 }"},
                    .tables = {"[['test.csv', 12, 'Oslo', 709000], "
                               "['test.csv', 24, 'Bergen', 291000]]"}}},
  };
}

}  // namespace shardmill
