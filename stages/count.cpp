// Counts records, and words and bytes of a text column if asked.
#include <memory>
#include <optional>
#include <utility>

#include "pipeline/core/stage.h"
#include "stages/support/words.h"

namespace shardmill {

namespace {

constexpr uint8_t kVersion = 1;

class CountPartial : public Partial {
 public:
  void merge(Partial&& other) override {
    const CountPartial& from = static_cast<CountPartial&>(other);
    records += from.records;
    words += from.words;
    bytes += from.bytes;
  }

  void encode(ByteWriter& writer) const override {
    writer.u8(kVersion);
    writer.varint(records);
    writer.varint(words);
    writer.varint(bytes);
  }

  Status decode(ByteReader& reader) override {
    if (reader.u8() != kVersion) reader.fail();
    records = reader.varint();
    words = reader.varint();
    bytes = reader.varint();
    if (reader.failed()) return Status::failed("the state of a count stage is damaged");
    return {};
  }

  size_t memory_bytes() const override { return sizeof *this; }

  uint64_t records = 0;
  uint64_t words = 0;
  uint64_t bytes = 0;
};

class CountWorker : public StageWorker {
 public:
  explicit CountWorker(std::optional<ColumnRef> text) : text_(text) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    CountPartial& partial = static_cast<CountPartial&>(*context.partial);
    partial.records += batch.selected();
    if (text_ && batch.uncut != nullptr) {
      count_lines(*batch.uncut, batch.rows, partial);
    } else if (text_) {
      count_text(batch, partial);
    }
    return next.pass(batch);
  }

 private:
  /// All of the text at once: no word spans a line end.
  static void count_lines(const UncutLines& lines, size_t rows, CountPartial& partial) {
    const std::string_view text = lines.text();
    const WordCounts counts = count_words_and_crlfs(text);
    partial.words += counts.words;
    partial.bytes += text.size() - rows + (text.back() == '\n' ? 0 : 1) - counts.crlfs;
  }

  void count_text(const Batch& batch, CountPartial& partial) const {
    const Column& column = batch.columns[text_->slot];
    std::string_view run;  // texts one behind the other are looked at as one
    batch.for_each_row([&](size_t row) {
      if (column.is_null(row)) return;
      const std::string_view text = column.text[row];
      partial.bytes += text.size();
      if (is_next_line(run, text)) {
        run = {run.data(), static_cast<size_t>(text.data() + text.size() - run.data())};
      } else {
        partial.words += count_words(run);
        run = text;
      }
    });
    partial.words += count_words(run);
  }

  /// Only a line end lies between the two: no word spans them.
  static bool is_next_line(std::string_view before, std::string_view text) {
    // Compared as numbers: the texts need not be of one buffer.
    const uintptr_t gap = reinterpret_cast<uintptr_t>(text.data()) -
                          reinterpret_cast<uintptr_t>(before.data() + before.size());
    return before.data() != nullptr && gap >= 1 && gap <= 2 && text.data()[-1] == '\n' &&
           is_white_space(before.data()[before.size()]);
  }

  std::optional<ColumnRef> text_;
};

class BoundCount : public BoundStage {
 public:
  explicit BoundCount(std::optional<ColumnRef> text) : text_(text) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<CountWorker>(text_);
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<CountPartial>();
  }

  bool takes_uncut() const override { return true; }

  std::vector<Table> finish(Partial& partial) const override {
    const CountPartial& counts = static_cast<CountPartial&>(partial);
    Table table;
    add(table, "records", counts.records);
    if (text_) {
      add(table, "words", counts.words);
      add(table, "bytes", counts.bytes);
    }
    return {std::move(table)};
  }

 private:
  static void add(Table& table, const char* name, uint64_t value) {
    TableColumn column{.name = name, .type = Type::kInt};
    column.add_int(static_cast<Int128>(value));
    table.columns.push_back(std::move(column));
  }

  std::optional<ColumnRef> text_;
};

std::unique_ptr<BoundStage> bind_count(const Options& options, Binder& binder) {
  if (!options.flag("words")) return std::make_unique<BoundCount>(std::nullopt);
  const std::string given = options.text("column");
  const std::optional<ColumnRef> text =
      binder.use(given.empty() ? "line" : given, options.line("column"), {Type::kText});
  if (!text) return nullptr;
  return std::make_unique<BoundCount>(text);
}

}  // namespace

StageSpec stage_count() {
  return {
      .name = "count",
      .kind = StageKind::kSummarise,
      .summary = "counts records, and words and bytes of a text column",
      .doc =
          "One row: `records`; with `words = true` also `words` (runs of bytes other than "
          "ASCII white space) and `bytes` of the column, line ends not included.",
      .fields = {{.name = "words",
                  .kind = FieldKind::kBool,
                  .doc = "also count the words and bytes of a text column; without it no column "
                         "is read, which is several times faster",
                  .default_text = "false"},
                 {.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "the text column whose words are counted",
                  .default_text = "line"}},
      .bind = bind_count,
      .examples = {{.title = "Counts the records that reach it.",
                    .input = {"one", "two", "", "three"},
                    .stage = "",
                    .output = {"{ line = \"one\" }", "{ line = \"two\" }", "{ line = \"\" }",
                               "{ line = \"three\" }"},
                    .tables = {"[[4]]"}},
                   {.title = "Counts words and bytes too.",
                    .input = {"to be  or", "", "\tnot to be "},
                    .stage = "words = true",
                    .output = {"{ line = \"to be  or\" }", "{ line = \"\" }",
                               "{ line = \"\\tnot to be \" }"},
                    .tables = {"[[3, 6, 20]]"}}},
  };
}

}  // namespace shardmill
