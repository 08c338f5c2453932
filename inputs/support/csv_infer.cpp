#include "inputs/support/csv_infer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "inputs/support/csv_chunks.h"
#include "inputs/support/csv_columns.h"
#include "inputs/support/csv_record.h"
#include "inputs/support/csv_shape.h"
#include "pipeline/base/parallel.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr size_t kHeaderPieceBytes = 16 << 10;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_sign(std::string_view number) {
  if (!number.empty() && (number[0] == '-' || number[0] == '+')) number.remove_prefix(1);
  return number;
}

/// "007" would lose its zeros as a number.
bool has_leading_zero(std::string_view value) {
  const std::string_view number = without_sign(value);
  return number.size() >= 2 && number[0] == '0' && is_digit(number[1]);
}

bool is_whole_number(std::string_view value) {
  const std::string_view number = without_sign(value);
  return !number.empty() && std::all_of(number.begin(), number.end(), is_digit);
}

/// What all values of a column seen so far could be.
class TypeGuess {
 public:
  bool is_text() const { return !can_int_ && !can_float_ && !can_bool_ && !can_time_; }

  void see(std::string_view value) {
    seen_ = true;
    if (can_int_ || can_float_) see_number(value);
    bool flag = false;
    can_bool_ = can_bool_ && parse_bool(value, flag);
    int64_t time = 0;
    can_time_ = can_time_ && parse_time(value, time);
  }

  /// All that another one has seen, too.
  void add(const TypeGuess& other) {
    seen_ |= other.seen_;
    seen_number_ |= other.seen_number_;
    can_int_ &= other.can_int_;
    can_float_ &= other.can_float_;
    can_bool_ &= other.can_bool_;
    can_time_ &= other.can_time_;
  }

  Type type() const {
    if (!seen_) return Type::kText;
    if (can_int_) return Type::kInt;
    if (can_float_ && seen_number_) return Type::kFloat;
    if (can_bool_) return Type::kBool;
    return can_time_ ? Type::kTime : Type::kText;
  }

 private:
  void see_number(std::string_view value) {
    int64_t whole = 0;
    double decimal = 0;
    const bool keeps_text = !has_leading_zero(value);
    const bool is_int = parse_int(value, whole);
    can_int_ = can_int_ && is_int && keeps_text;
    // An integer is a float too, but one beyond 64 bits would lose digits.
    const bool is_float = is_int || (!is_whole_number(value) && parse_float(value, decimal));
    can_float_ = can_float_ && is_float && keeps_text;
    // "nan" and "inf" alone do not make a column of numbers.
    seen_number_ |= is_float && std::isfinite(decimal);
  }

  bool seen_ = false;
  bool seen_number_ = false;
  bool can_int_ = true;
  bool can_float_ = true;
  bool can_bool_ = true;
  bool can_time_ = true;
};

/// What one thread has seen, and what it works in.
struct Seen {
  std::vector<TypeGuess> guesses;  ///< by column
  CsvMarks marks;
  Arena arena;
};

class Inference {
 public:
  Inference(const CsvFormat& format, const ReadLimits& limits, const SampleFiles& files)
      : format_(format), limits_(within_reach(limits)), files_(files) {}

  void see_headers() {
    std::vector<std::string> last;
    CsvMarks marks;
    for (const FileSlice& file : files_.headers) {
      Result<std::unique_ptr<ByteSource>> source = open_source(file, context(), 0);
      if (!source.is_ok()) continue;
      TextWindow window(std::move(*source), 0, kHeaderPieceBytes);
      Result<CsvShape> shape = shape_of(file, window, marks);
      if (!shape.is_ok() || shape->names == last) continue;
      for (const std::string& name : shape->names) add_column(name);
      last = std::move(shape->names);
    }
  }

  void see_values() {
    std::vector<Seen> seen(std::min(files_.threads, files_.types.size()));
    for (Seen& one : seen) one.guesses.resize(names_.size());
    for_each_parallel(files_.types.size(), seen.size(), [&](size_t thread, size_t file) {
      see_values_of(files_.types[file], seen[thread]);
    });
    guesses_.resize(names_.size());
    for (const Seen& one : seen) {
      for (size_t column = 0; column < guesses_.size(); ++column) {
        guesses_[column].add(one.guesses[column]);
      }
    }
  }

  bool has_column(const std::string& name) const { return columns_.contains(name); }
  const std::vector<std::string>& names() const { return names_; }
  Type type_of(const std::string& name) const {
    const auto at = columns_.find(name);
    return format_.type_of(name).value_or(at == columns_.end() ? Type::kText
                                                               : guesses_[at->second].type());
  }

 private:
  ReadContext context() const {
    ReadContext context = {.limits = limits_};
    context.content = files_.content;
    return context;
  }

  Result<CsvShape> shape_of(const FileSlice& file, TextWindow& window, CsvMarks& marks) const {
    return read_csv_shape(window, format_, format_.bytes_of(file.path), limits_.record_bytes_max,
                          marks);
  }

  void add_column(const std::string& name) {
    if (columns_.try_emplace(name, names_.size()).second) names_.push_back(name);
  }

  /// Values of the records that start in the first `type_bytes`. What cannot be read says nothing.
  void see_values_of(const FileSlice& file, Seen& seen) const {
    Result<std::unique_ptr<ByteSource>> source = open_source(file, context(), 0);
    if (!source.is_ok()) return;
    TextWindow window(std::move(*source), 0, limits_.chunk_bytes);
    const Result<CsvShape> shape = shape_of(file, window, seen.marks);
    if (!shape.is_ok() || shape->fields() == 0) return;
    SliceEnd counts;
    RejectCounter rejects(file, nullptr, counts);
    CsvChunks chunks({.bytes = format_.bytes_of(file.path),
                      .fields = shape->fields(),
                      .limits = limits_,
                      // At least one record, however long the header.
                      .end = std::max(shape->data_begin + 1, files_.type_bytes)},
                     window, rejects);
    CsvChunk chunk;
    while (true) {
      const Result<bool> more = chunks.next(chunk);
      if (!more.is_ok() || !*more) return;
      for (size_t field = 0; field < shape->fields(); ++field) {
        see_field(chunk, field, shape->names[field], seen);
      }
    }
  }

  void see_field(const CsvChunk& chunk, size_t field, const std::string& name, Seen& seen) const {
    const auto at = columns_.find(name);
    if (at == columns_.end() || format_.type_of(name)) return;
    TypeGuess& guess = seen.guesses[at->second];
    for (size_t row = 0; row < chunk.rows && !guess.is_text(); ++row) {
      std::string_view value = raw_csv_field(chunk, row, field);
      if (format_.has_quote && !value.empty() && value[0] == format_.quote) {
        value = unquoted(value, format_.quote, seen.arena);
      }
      if (!value.empty() && !format_.is_null(value)) guess.see(value);
    }
    seen.arena.clear();
  }

  const CsvFormat& format_;
  const ReadLimits limits_;
  const SampleFiles& files_;
  std::vector<std::string> names_;         ///< in first-seen order
  std::map<std::string, size_t> columns_;  ///< places in names_ and guesses_
  std::vector<TypeGuess> guesses_;
};

void report_unknown(const std::string& column, const std::vector<std::string>& names, int line,
                    Problems& problems) {
  const std::optional<std::string> near = near_match(column, names);
  problems.add(line, {.found = "column " + quoted(column) + " in `columns`",
                      .expected = "one that a header names: " + listed(names),
                      .fix = near ? "did you mean " + quoted(*near) + "?"
                                  : "name it in `types` too if only other files have it"});
}

/// A name in `types` may be that of a column of files beyond the samples; one that is nearly that
/// of a column without a type of its own is taken for a slip, which would make a column of nulls.
void check_types_against_headers(const CsvFormat& format, const std::vector<std::string>& headers,
                                 int line, Problems& problems) {
  std::vector<std::string> untyped;
  for (const std::string& name : headers) {
    if (!format.type_of(name)) untyped.push_back(name);
  }
  for (const auto& [column, type] : format.types) {
    if (std::find(headers.begin(), headers.end(), column) != headers.end()) continue;
    const std::optional<std::string> near = near_match(column, untyped);
    if (!near) continue;
    problems.add(line, {.found = "column " + quoted(column) + " in `types`, which no header names",
                        .expected = "one of " + listed(headers),
                        .fix = "did you mean " + quoted(*near) +
                               "? if only other files have it, name both in `types`"});
  }
}

}  // namespace

Result<InputSchema> infer_csv(const CsvFormat& format, const ReadLimits& limits,
                              const SampleFiles& files, const Options& options,
                              Problems& problems) {
  Inference inference(format, limits, files);
  inference.see_headers();
  inference.see_values();
  std::vector<std::string> names = format.columns.empty() ? inference.names() : format.columns;
  for (const std::string& column : format.columns) {
    const bool known = inference.has_column(column) || format.type_of(column);
    if (!known && !inference.names().empty()) {
      report_unknown(column, inference.names(), options.line("columns"), problems);
    }
  }
  check_types_against_headers(format, inference.names(), options.line("types"), problems);
  for (const auto& [column, type] : format.types) {
    if (std::find(names.begin(), names.end(), column) == names.end()) names.push_back(column);
  }
  InputSchema schema;
  for (const std::string& name : names) {
    schema.columns.push_back({.name = name, .type = inference.type_of(name)});
  }
  return schema;
}

}  // namespace shardmill
