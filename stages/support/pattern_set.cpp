#include "stages/support/pattern_set.h"

#include <algorithm>
#include <unordered_set>

#include "pipeline/base/text.h"
#include "stages/support/line_hits.h"

namespace shardmill {

namespace {

using Found = PatternMatch::Found;

/// Shorter texts stand nearly everywhere and announce nothing.
constexpr size_t kAnnouncingMin = 3;
/// Fewer literals are searched for one after the other, which is faster.
constexpr size_t kManyLiterals = 8;

/// Whether the pattern is its own text, so that PCRE2 is not needed.
bool is_fixed(std::string_view text, Pattern::Options options) {
  return options.fixed || is_fixed_text(text);
}

/// Each once, in their order.
std::vector<PatternText> without_repeats(const std::vector<PatternText>& patterns) {
  std::unordered_set<std::string_view> seen;  // never iterated
  std::vector<PatternText> once;
  for (const PatternText& pattern : patterns) {
    if (seen.insert(pattern.text).second) once.push_back(pattern);
  }
  return once;
}

/// What a message about the pattern begins with.
std::string name_of(const PatternText& pattern) {
  if (pattern.file_line == 0) return "pattern";
  return "line " + with_separators(pattern.file_line) + " of patterns_from: pattern";
}

/// Calls make(pattern, problem) for each, until a few have failed; true if none did.
template <typename Make>
bool for_each_pattern(const std::vector<PatternText>& patterns, int line, Problems& problems,
                      Make&& make) {
  constexpr size_t kWrongMax = 5;
  size_t wrong = 0;
  for (const PatternText& pattern : without_repeats(patterns)) {
    Message problem;
    if (make(pattern, problem)) continue;
    problems.add(line, problem);
    if (++wrong == kWrongMax) break;
  }
  return wrong == 0;
}

}  // namespace

std::string_view adjacent_bytes(std::span<const std::string_view> texts) {
  if (texts.empty() || texts[0].data() == nullptr) return {};
  const char* end = texts[0].data() + texts[0].size();
  for (const std::string_view text : texts.subspan(1)) {
    // Compared as numbers: the texts need not be of one buffer.
    const uintptr_t gap =
        reinterpret_cast<uintptr_t>(text.data()) - reinterpret_cast<uintptr_t>(end);
    if (gap > 2) return {};
    end = text.data() + text.size();
  }
  return {texts[0].data(), static_cast<size_t>(end - texts[0].data())};
}

void PatternSet::check(const std::vector<PatternText>& patterns, Pattern::Options options, int line,
                       Problems& problems) {
  for_each_pattern(patterns, line, problems, [&](const PatternText& pattern, Message& problem) {
    return is_fixed(pattern.text, options) ||
           Pattern::check(pattern.text, options, name_of(pattern), problem);
  });
}

std::unique_ptr<const PatternSet> PatternSet::compile(const std::vector<PatternText>& patterns,
                                                      Pattern::Options options, int line,
                                                      Problems& problems) {
  std::unique_ptr<PatternSet> set(new PatternSet(options));
  const auto add = [&](const PatternText& pattern, Message& problem) {
    if (is_fixed(pattern.text, options)) {
      set->add_fixed(pattern.text);
      return true;
    }
    auto compiled = Pattern::compile(pattern.text, options, name_of(pattern), problem);
    if (compiled == nullptr) return false;
    set->add_pattern(std::move(compiled));
    return true;
  };
  return for_each_pattern(patterns, line, problems, add) ? std::move(set) : nullptr;
}

PatternSet::PatternSet(Pattern::Options options) : options_(options) {}
PatternSet::~PatternSet() = default;

void PatternSet::add_fixed(std::string_view text) {
  literals_.push_back(
      {.search = LiteralSearch(text, options_.ignore_case), .text = std::string(text)});
}

void PatternSet::add_pattern(std::shared_ptr<const Pattern> pattern) {
  const auto number = static_cast<uint32_t>(patterns_.size());
  const std::string& text = pattern->literal().text;
  if (text.size() >= kAnnouncingMin) {
    literals_.push_back(
        {.search = LiteralSearch(text, options_.ignore_case), .text = text, .pattern = number});
  } else {
    always_.push_back(number);
  }
  patterns_.push_back(std::move(pattern));
}

const LiteralSet* PatternSet::literal_set() const {
  std::call_once(made_, [this] {
    if (literals_.size() < kManyLiterals) return;
    std::vector<std::string_view> texts;
    for (const Literal& literal : literals_) texts.push_back(literal.text);
    literal_set_ = std::make_unique<LiteralSet>(texts, options_.ignore_case);
  });
  return literal_set_.get();
}

PatternSetMatch::PatternSetMatch(const PatternSet& set)
    : set_(set),
      literal_set_(set.literal_set()),
      matches_(set.patterns_.size()),
      matched_(set.patterns_.size()) {
  if (!set.patterns_.empty()) memory_ = std::make_shared<MatchMemory>();
}

bool PatternSet::has_one_literal() const {
  return literals_.size() == 1 && always_.empty() && is_within_lines(literals_[0].text);
}

void PatternSetMatch::find_lines(std::string_view text, std::vector<FoundLine>& lines) {
  lines.clear();
  const PatternSet::Literal& literal = set_.literals_[0];
  PatternMatch* const match =
      literal.pattern == PatternSet::kFixed ? nullptr : &match_of(literal.pattern);
  for_lines_with(literal.search, text, [&](std::span<const LineHit> some) {
    for (const LineHit& line : some) {
      const Found found = match == nullptr
                              ? Found::kYes
                              : match->find_with_literal(line.content(text), line.hit - line.begin);
      if (found == Found::kNo) continue;
      lines.push_back({.begin = line.begin, .end = line.end, .found = found});
    }
  });
}

void PatternSetMatch::find(std::span<const std::string_view> texts, Found* found) {
  texts_ = texts;
  found_ = found;
  std::fill_n(found, texts.size(), Found::kNo);
  const std::string_view all = adjacent_bytes(texts);
  if (all.data() != nullptr) {
    find_literals(all, 0, texts.size());
  } else {
    for (size_t row = 0; row < texts.size(); ++row) find_literals(texts[row], row, 1);
  }
  for (const uint32_t pattern : set_.always_) {
    for (size_t row = 0; row < texts.size(); ++row) match(row, pattern);
  }
  first_mark_ += texts.size();
}

/// The text `row` holds a literal: fixed texts are found with that, patterns are matched.
void PatternSetMatch::announce(size_t row, uint32_t literal) {
  const uint32_t pattern = set_.literals_[literal].pattern;
  if (pattern == PatternSet::kFixed) {
    found_[row] = Found::kYes;
  } else if (matched_[pattern] != first_mark_ + row) {
    matched_[pattern] = first_mark_ + row;
    match(row, pattern);
  }
}

/// The outcome must not depend on the order of the patterns: a match wins over a limit.
void PatternSetMatch::match(size_t row, uint32_t pattern) {
  if (found_[row] == Found::kYes) return;
  const Found one = match_of(pattern).find(texts_[row]);
  if (one != Found::kNo) found_[row] = one;
}

PatternMatch& PatternSetMatch::match_of(uint32_t pattern) {
  std::unique_ptr<PatternMatch>& match = matches_[pattern];
  if (match == nullptr) {
    match = std::make_unique<PatternMatch>(*set_.patterns_[pattern], memory_);
  }
  return *match;
}

namespace {

/// Finds the text that holds a hit. Quick if hits come about in their order; LiteralSet promises
/// none.
struct RowFinder {
  std::span<const std::string_view> texts;
  const char* base = nullptr;  ///< of the buffer in which hits are
  size_t row = 0;

  size_t begin_of(size_t i) const { return static_cast<size_t>(texts[i].data() - base); }
  size_t end_of(size_t i) const { return begin_of(i) + texts[i].size(); }
  /// Goes to the first text that does not end before `to`; false if the hit [from, to) of the
  /// buffer is not in it, so in no single text.
  bool reach(size_t from, size_t to) {
    while (row > 0 && end_of(row - 1) >= to) --row;
    while (row < texts.size() && end_of(row) < to) ++row;
    return row < texts.size() && begin_of(row) <= from;
  }
};

}  // namespace

/// Takes the places at which literals stand.
struct PatternSetMatch::Scan final : LiteralSet::Visitor {
  PatternSetMatch& match;
  RowFinder finder;
  size_t first_row;  ///< number of the finder's first text

  Scan(PatternSetMatch& of, std::string_view bytes, size_t first, size_t rows)
      : match(of),
        finder({.texts = of.texts_.subspan(first, rows), .base = bytes.data()}),
        first_row(first) {}

  /// A text in which something was found is done.
  size_t found(size_t begin, uint32_t literal) override {
    const size_t size = match.set_.literals_[literal].text.size();
    if (!finder.reach(begin, begin + size)) return 0;
    const size_t row = first_row + finder.row;
    if (match.found_[row] != Found::kYes) match.announce(row, literal);
    return match.found_[row] == Found::kYes ? finder.end_of(finder.row) : 0;
  }
};

/// In `bytes`, which hold `rows` of the texts.
void PatternSetMatch::find_literals(std::string_view bytes, size_t first_row, size_t rows) {
  if (literal_set_ != nullptr) {
    Scan scan(*this, bytes, first_row, rows);
    return literal_set_->scan(bytes, scan);
  }
  for (uint32_t i = 0; i < set_.literals_.size(); ++i) find_literal(i, bytes, first_row, rows);
}

void PatternSetMatch::find_literal(uint32_t i, std::string_view bytes, size_t first_row,
                                   size_t rows) {
  const LiteralSearch& literal = set_.literals_[i].search;
  RowFinder finder = {.texts = texts_.subspan(first_row, rows), .base = bytes.data()};
  for (size_t at = literal.find(bytes); at != LiteralSearch::kNone;) {
    const bool is_hit = finder.reach(at, at + literal.size());
    if (finder.row == rows) return;
    if (is_hit) announce(first_row + finder.row, i);
    // A hit that straddles two texts is none; otherwise this text is done.
    at = literal.find(bytes, is_hit ? finder.end_of(finder.row) : at + 1);
  }
}

}  // namespace shardmill
