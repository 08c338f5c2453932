#include <algorithm>

#include "pipeline/core/stage.h"
#include "stages/support/literal_search.h"
#include "stages/support/pattern_set.h"
#include "stages/support/words.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kEmpty, kNull };

/// Records of one batch that is passed on: bounds the memory whatever a record holds.
constexpr size_t kPiecesMax = 4096;
/// Bytes that are cut into words at a time; worst case half as many words.
constexpr size_t kRegionBytes = 4096;
static_assert(kRegionBytes / 2 < kPiecesMax);

constexpr std::string_view kWords = "words";

struct Settings {
  ColumnRef source;
  ColumnRef into;
  std::string by;
  std::vector<size_t> schema_slots;  ///< of the columns after the stage, without `into`
  size_t stage = 0;                  ///< position in the job
};

/// Slots whose values are repeated for every piece: those that a later stage reads.
std::vector<size_t> repeated_slots(const Settings& settings, const SlotPlan& plan) {
  std::vector<size_t> slots = settings.schema_slots;
  for (const auto& slot : {plan.file_slot, plan.offset_slot}) {
    if (slot) slots.push_back(*slot);
  }
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  std::erase_if(slots, [&](size_t slot) { return !plan.slots[slot].used; });
  return slots;
}

template <typename T>
void repeat(const std::vector<T>& from, const std::vector<uint32_t>& rows, size_t count,
            std::vector<T>& to) {
  for (size_t i = 0; i < count; ++i) to[i] = from[rows[i]];
}

void repeat_column(const Column& from, const std::vector<uint32_t>& rows, size_t count,
                   Column& to) {
  to.prepare(from.type, count);
  switch (from.type) {
    case Type::kText:
      repeat(from.text, rows, count, to.text);
      break;
    case Type::kInt:
    case Type::kTime:
      repeat(from.ints, rows, count, to.ints);
      break;
    case Type::kFloat:
      repeat(from.floats, rows, count, to.floats);
      break;
    case Type::kBool:
      repeat(from.bools, rows, count, to.bools);
      break;
  }
  if (!from.has_nulls) return;
  to.has_nulls = true;
  repeat(from.null, rows, count, to.null);
}

class SplitWorker final : public StageWorker {
 public:
  SplitWorker(const Settings& settings, const SlotPlan& plan)
      : settings_(settings),
        by_words_(settings.by == kWords),
        delimiter_(settings.by),
        repeated_(repeated_slots(settings, plan)),
        slot_count_(plan.slots.size()),
        needs_identity_(plan.identity_end > settings.stage + 1),
        needs_raw_(plan.needs_raw),
        needs_rows_(needs_identity_ || needs_raw_ || !repeated_.empty()),
        ends_(kRegionBytes + kWordSlack),
        pieces_(kPiecesMax),
        rows_(needs_rows_ ? kPiecesMax : 0) {}

  Status begin_slice(const FileSlice&, const StageContext&) override {
    has_last_ = false;
    return {};
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    from_ = &batch;
    context_ = &context;
    next_ = &next;
    total_ = 0;
    records_ = 0;
    const Column& source = batch.columns[settings_.source.slot];
    const uint64_t in = batch.selected();
    uint64_t nulls = 0;
    const bool is_plain = by_words_ && batch.selection.all && !source.has_nulls;
    if (is_plain && adjacent_bytes({source.text.data(), batch.rows}).data() != nullptr) {
      RETURN_IF_ERROR(split_adjacent(source));
    } else {
      RETURN_IF_ERROR(split_rows(batch, source, nulls));
    }
    RETURN_IF_ERROR(flush());
    context.drop(kNull, nulls);
    context.drop(kEmpty, in - nulls - records_);
    context.books->made += total_ - records_;
    return {};
  }

 private:
  Status split_rows(const Batch& batch, const Column& source, uint64_t& nulls) {
    Status status;
    batch.for_each_row([&](size_t row) {
      if (!status.is_ok()) return;
      if (source.is_null(row)) {
        ++nulls;
        context_->show_dropped(kNull, batch, row);
        return;
      }
      const uint64_t before = total_ + count_;
      status = by_words_ ? add_words(source.text[row], row) : add_pieces(source.text[row], row);
      took_record(row, total_ + count_ > before);
    });
    return status;
  }

  /// Texts one behind the other, with white space between them at most: words never span two of
  /// them, so many are cut at once and the words dealt to their rows afterwards.
  Status split_adjacent(const Column& source) {
    const size_t rows = from_->rows;
    for (size_t first = 0; first < rows;) {
      const char* const begin = source.text[first].data();
      size_t end = first;
      while (end < rows && end_of(source.text[end]) - begin <= ptrdiff_t{kRegionBytes} &&
             (end == first || begins_apart(source.text[end - 1], source.text[end]))) {
        ++end;
      }
      if (end == first) {
        const uint64_t before = total_ + count_;
        RETURN_IF_ERROR(add_words(source.text[first], first));
        took_record(first, total_ + count_ > before);
        ++first;
        continue;
      }
      const auto size = static_cast<size_t>(end_of(source.text[end - 1]) - begin);
      RETURN_IF_ERROR(make_room(size));
      const size_t words = cut({begin, size});
      deal_words(source, first, end, words);
      first = end;
    }
    return {};
  }

  static const char* end_of(std::string_view text) { return text.data() + text.size(); }

  /// What lies between two neighbours is white space, and at least one byte of it.
  static bool begins_apart(std::string_view before, std::string_view text) {
    const auto between = static_cast<size_t>(text.data() - end_of(before));
    for (size_t i = 0; i < between; ++i) {
      if (!is_white_space(end_of(before)[i])) return false;
    }
    return between > 0;
  }

  /// Writes the words of `text` behind the pieces that are there. REQUIRES: make_room.
  size_t cut(std::string_view text) {
    const size_t words = find_words(text, ends_.data());
    std::string_view* out = pieces_.data() + count_;
    for (size_t i = 0; i < words; ++i) {
      const uint32_t begin = ends_[2 * i];
      out[i] = {text.data() + begin, ends_[2 * i + 1] - begin};
    }
    return words;
  }

  /// Takes the `words` that `cut` wrote as pieces of the rows [first, end).
  void deal_words(const Column& source, size_t first, size_t end, size_t words) {
    if (!needs_rows_) {
      count_ += words;
      for (size_t row = first; row < end; ++row) took_record(row, has_word(source.text[row]));
      return;
    }
    const size_t last = count_ + words;
    for (size_t row = first; row < end; ++row) {
      const size_t before = count_;
      const char* const row_end = end_of(source.text[row]);
      while (count_ < last && pieces_[count_].data() < row_end) {
        rows_[count_++] = static_cast<uint32_t>(row);
      }
      took_record(row, count_ > before);
    }
  }

  void took_record(size_t row, bool has_pieces) {
    if (has_pieces) {
      ++records_;
    } else {
      context_->show_dropped(kEmpty, *from_, row);
    }
  }

  static bool has_word(std::string_view text) {
    return !std::all_of(text.begin(), text.end(), is_white_space);
  }

  /// Room for the words of `bytes` bytes of text.
  Status make_room(size_t bytes) {
    return count_ + bytes / 2 + 1 > kPiecesMax ? flush() : Status::ok();
  }

  Status add_words(std::string_view text, size_t row) {
    while (!text.empty()) {
      size_t take = std::min(text.size(), kRegionBytes);
      if (take < text.size()) {
        // Do not cut a word: back to the last white space, or on to the next.
        size_t cut_at = take;
        while (cut_at > 0 && !is_white_space(text[cut_at - 1])) --cut_at;
        if (cut_at == 0) {
          cut_at = take;
          while (cut_at < text.size() && !is_white_space(text[cut_at])) ++cut_at;
          RETURN_IF_ERROR(add(text.substr(0, cut_at), row));
          text.remove_prefix(cut_at);
          continue;
        }
        take = cut_at;
      }
      RETURN_IF_ERROR(make_room(take));
      const size_t words = cut(text.substr(0, take));
      if (needs_rows_) {
        std::fill_n(rows_.begin() + static_cast<ptrdiff_t>(count_), words,
                    static_cast<uint32_t>(row));
      }
      count_ += words;
      text.remove_prefix(take);
    }
    return {};
  }

  size_t find_delimiter(std::string_view text, size_t begin) const {
    if (delimiter_.size() > 1) return delimiter_.find(text, begin);
    const size_t at = text.find(settings_.by[0], begin);
    return at == std::string_view::npos ? LiteralSearch::kNone : at;
  }

  Status add_pieces(std::string_view text, size_t row) {
    size_t begin = 0;
    while (true) {
      const size_t end = find_delimiter(text, begin);
      if (end == LiteralSearch::kNone) return add(text.substr(begin), row);
      RETURN_IF_ERROR(add(text.substr(begin, end - begin), row));
      begin = end + delimiter_.size();
    }
  }

  Status add(std::string_view piece, size_t row) {
    if (count_ == kPiecesMax) RETURN_IF_ERROR(flush());
    pieces_[count_] = piece;
    if (needs_rows_) rows_[count_] = static_cast<uint32_t>(row);
    ++count_;
    return {};
  }

  /// Passes on the pieces so far.
  Status flush() {
    const size_t count = count_;
    total_ += count;
    count_ = 0;
    if (count == 0) return {};
    out_.clear();
    out_.rows = count;
    out_.slice = from_->slice;
    if (out_.columns.size() < slot_count_) out_.columns.resize(slot_count_);
    Column& into = out_.columns[settings_.into.slot];
    into.prepare(Type::kText, count);
    // The batch gets the pieces without copying them; its old vector takes the next ones.
    into.text.swap(pieces_);
    pieces_.resize(kPiecesMax);
    for (const size_t slot : repeated_) {
      repeat_column(from_->columns[slot], rows_, count, out_.columns[slot]);
    }
    if (needs_identity_) write_identities(count);
    if (needs_raw_) {
      out_.raw.resize(std::max(out_.raw.size(), count));
      repeat(from_->raw, rows_, count, out_.raw);
    }
    return next_->pass(out_);
  }

  /// A piece is told apart by its place in its record, counted on over batches and over records
  /// that are pieces themselves.
  void write_identities(size_t count) {
    out_.offsets.resize(std::max(out_.offsets.size(), count));
    out_.sub_indices.resize(count);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t offset = from_->offsets[rows_[i]];
      sub_index_ = has_last_ && offset == last_offset_ ? sub_index_ + 1 : 0;
      has_last_ = true;
      last_offset_ = offset;
      out_.offsets[i] = offset;
      out_.sub_indices[i] = sub_index_;
    }
  }

  const Settings& settings_;
  const bool by_words_;
  const LiteralSearch delimiter_;
  const std::vector<size_t> repeated_;
  const size_t slot_count_;
  const bool needs_identity_;
  const bool needs_raw_;
  const bool needs_rows_;

  std::vector<uint32_t> ends_;
  std::vector<std::string_view> pieces_;  ///< kPiecesMax long
  std::vector<uint32_t> rows_;            ///< of the pieces, if needed
  size_t count_ = 0;                      ///< pieces not passed on yet

  const Batch* from_ = nullptr;
  const StageContext* context_ = nullptr;
  NextStage* next_ = nullptr;
  Batch out_;
  uint64_t total_ = 0;    ///< pieces passed on of the batch at hand
  uint64_t records_ = 0;  ///< records of it that gave a piece

  bool has_last_ = false;
  uint64_t last_offset_ = 0;
  uint32_t sub_index_ = 0;
};

class Split final : public BoundStage {
 public:
  Split(Settings settings, const SlotPlan& plan) : settings_(std::move(settings)), plan_(plan) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<SplitWorker>(settings_, plan_);
  }

 private:
  Settings settings_;
  const SlotPlan& plan_;
};

void check(const Options& options, Problems& problems) {
  if (!options.text("by").empty()) return;
  problems.add(options.line("by"), {.place = {},
                                    .found = "by is empty",
                                    .expected = "\"words\" or a delimiter",
                                    .fix = "write by = \",\" for instance"});
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  const std::string& column = options.text("column");
  const auto source = binder.use(column, options.line("column"), {Type::kText});
  if (!source) return nullptr;
  if (!options.flag("keep") && binder.schema().find(column) != nullptr) binder.remove(column);
  const auto into = binder.create(options.text("into"), Type::kText, options.line("into"),
                                  options.flag("replace"));
  if (!into) return nullptr;
  Settings settings = {.source = *source,
                       .into = *into,
                       .by = options.text("by"),
                       .schema_slots = {},
                       .stage = binder.stage()};
  for (const SchemaColumn& passed : binder.schema().columns) {
    if (passed.slot != into->slot) settings.schema_slots.push_back(passed.slot);
  }
  return std::make_unique<Split>(std::move(settings), binder.slots());
}

}  // namespace

StageSpec stage_split() {
  return {
      .name = "split",
      .kind = StageKind::kTransform,
      .summary = "make one record of each piece of a text",
      .doc =
          "Words are the longest runs of bytes that are not ASCII white space; a text without any "
          "gives no record. A delimiter gives one piece more than it occurs, empty ones too, so "
          "that empty text gives one empty piece. The other columns are repeated for each piece.",
      .fields = {{.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "The text column to cut.",
                  .default_text = "line"},
                 {.name = "into",
                  .kind = FieldKind::kText,
                  .doc = "Name of the column of the pieces.",
                  .required = true},
                 {.name = "by",
                  .kind = FieldKind::kText,
                  .doc = "\"words\", or a delimiter of one or more bytes.",
                  .default_text = "words"},
                 {.name = "keep",
                  .kind = FieldKind::kBool,
                  .doc = "Keep the source column; otherwise the new column replaces it.",
                  .default_text = "false"},
                 {.name = "replace",
                  .kind = FieldKind::kBool,
                  .doc = "The new column takes the place of a column of the same name.",
                  .default_text = "false"}},
      .drop_reasons = {{"empty", "the text holds no word"}, {"null", "the column is null"}},
      .check = check,
      .bind = bind,
      .examples = {{.title = "Every word of a line becomes a record.",
                    .input = {"to be  or", "", "not"},
                    .stage = "into = 'word'",
                    .output = {"{ word = 'to' }", "{ word = 'be' }", "{ word = 'or' }",
                               "{ word = 'not' }"}},
                   {.title = "A delimiter keeps empty pieces; other columns are repeated.",
                    .input_format = "csv",
                    .input = {"id,tags", "1,a;;b", "2,c"},
                    .stage = "column = 'tags'\ninto = 'tag'\nby = ';'",
                    .output = {"{ id = 1, tag = 'a' }", "{ id = 1, tag = '' }",
                               "{ id = 1, tag = 'b' }", "{ id = 2, tag = 'c' }"}}},
  };
}

}  // namespace shardmill
