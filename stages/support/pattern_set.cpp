#include "stages/support/pattern_set.h"

#include <hs/hs.h>

#include <algorithm>

#include "pipeline/base/check.h"
#include "pipeline/base/simd.h"

namespace shardmill {

namespace {

using Found = PatternMatch::Found;

hs_scratch_t* scratch_of(void* scratch) {
  return static_cast<hs_scratch_t*>(scratch);
}

/// Marks the text of `texts` that holds the hit [begin, end) of the buffer `base`, going forward
/// from `row`.
struct RowMarker {
  std::span<const std::string_view> texts;
  Found* found = nullptr;
  const char* base = nullptr;
  std::span<const LiteralSearch> literals;
  size_t row = 0;

  void mark(size_t begin, size_t end) {
    while (row < texts.size() && end_of(row) < end) ++row;
    if (row < texts.size() && begin_of(row) <= begin) found[row] = Found::kYes;
  }
  size_t begin_of(size_t i) const { return static_cast<size_t>(texts[i].data() - base); }
  size_t end_of(size_t i) const { return begin_of(i) + texts[i].size(); }
};

int on_literal(unsigned id, unsigned long long, unsigned long long end, unsigned, void* context) {
  auto& marker = *static_cast<RowMarker*>(context);
  marker.mark(end - marker.literals[id].size(), end);
  return 0;
}

int on_any(unsigned, unsigned long long, unsigned long long, unsigned, void* context) {
  *static_cast<Found*>(context) = Found::kYes;
  return 1;
}

/// hs_scan takes 32-bit lengths.
constexpr size_t kScanMax = size_t{1} << 31;

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

std::unique_ptr<const PatternSet> PatternSet::compile(const std::vector<std::string>& patterns,
                                                      Pattern::Options options, int line,
                                                      Problems& problems) {
  std::unique_ptr<PatternSet> set(new PatternSet());
  if (options.fixed) {
    set->compile_literals(patterns, options.ignore_case);
    return set;
  }
  for (const std::string& text : patterns) {
    Message problem;
    auto pattern = Pattern::compile(text, options, "pattern", problem);
    if (pattern == nullptr) problems.add(line, problem);
    set->patterns_.push_back(std::move(pattern));
  }
  const bool is_good =
      std::find(set->patterns_.begin(), set->patterns_.end(), nullptr) == set->patterns_.end();
  return is_good ? std::move(set) : nullptr;
}

void PatternSet::compile_literals(const std::vector<std::string>& patterns, bool ignore_case) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  for (const std::string& text : patterns) {
    if (text.empty()) matches_all_ = true;
    literals_.emplace_back(text, ignore_case);
    texts.push_back(text.data());
    sizes.push_back(text.size());
    flags.push_back(ignore_case ? HS_FLAG_CASELESS : 0);
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  if (literals_.size() < 2 || matches_all_ || simd_limited_to_scalar()) return;
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t result = hs_compile_lit_multi(texts.data(), flags.data(), ids.data(),
                                                 sizes.data(), static_cast<unsigned>(texts.size()),
                                                 HS_MODE_BLOCK, nullptr, &database, &error);
  if (result != HS_SUCCESS) {
    // A processor or a set of texts that vectorscan does not take: plain searches give the same.
    hs_free_compile_error(error);
    return;
  }
  database_ = database;
  hs_scratch_t* scratch = nullptr;
  SHARDMILL_CHECK(hs_alloc_scratch(database, &scratch) == HS_SUCCESS);
  scratch_ = scratch;
}

PatternSet::~PatternSet() {
  if (scratch_ != nullptr) hs_free_scratch(scratch_of(scratch_));
  if (database_ != nullptr) hs_free_database(static_cast<hs_database_t*>(database_));
}

PatternSetMatch::PatternSetMatch(const PatternSet& set) : set_(set) {
  if (set.scratch_ != nullptr) {
    hs_scratch_t* scratch = nullptr;
    SHARDMILL_CHECK(hs_clone_scratch(scratch_of(set.scratch_), &scratch) == HS_SUCCESS);
    scratch_ = scratch;
  }
  for (const auto& pattern : set.patterns_) {
    matches_.push_back(std::make_unique<PatternMatch>(*pattern));
  }
}

PatternSetMatch::~PatternSetMatch() {
  if (scratch_ != nullptr) hs_free_scratch(scratch_of(scratch_));
}

void PatternSetMatch::find(std::span<const std::string_view> texts, Found* found) {
  if (set_.matches_all_) {
    std::fill_n(found, texts.size(), Found::kYes);
  } else if (set_.database_ != nullptr) {
    find_literals(texts, found);
  } else if (set_.literals_.size() == 1) {
    find_literal(texts, found);
  } else if (!set_.literals_.empty()) {
    for (size_t i = 0; i < texts.size(); ++i) {
      const bool any = std::any_of(
          set_.literals_.begin(), set_.literals_.end(),
          [&](const LiteralSearch& l) { return l.find(texts[i]) != LiteralSearch::kNone; });
      found[i] = any ? Found::kYes : Found::kNo;
    }
  } else {
    for (size_t i = 0; i < texts.size(); ++i) found[i] = find_patterns(texts[i]);
  }
}

Found PatternSetMatch::find_patterns(std::string_view text) {
  Found found = Found::kNo;
  for (const auto& match : matches_) {
    const Found one = match->find(text);
    // The outcome must not depend on the order of the patterns: a match wins over a limit.
    if (one == Found::kYes) return one;
    if (one == Found::kLimit) found = one;
  }
  return found;
}

void PatternSetMatch::find_literal(std::span<const std::string_view> texts, Found* found) const {
  const LiteralSearch& literal = set_.literals_[0];
  const std::string_view all = adjacent_bytes(texts);
  if (all.data() == nullptr) {
    for (size_t i = 0; i < texts.size(); ++i) {
      found[i] = literal.find(texts[i]) == LiteralSearch::kNone ? Found::kNo : Found::kYes;
    }
    return;
  }
  std::fill_n(found, texts.size(), Found::kNo);
  RowMarker marker = {.texts = texts, .found = found, .base = all.data(), .literals = {}};
  for (size_t at = literal.find(all); at != LiteralSearch::kNone;) {
    marker.mark(at, at + literal.size());
    if (marker.row == texts.size()) return;
    // A hit that straddles two texts is none; otherwise this text is done.
    const bool is_marked = found[marker.row] == Found::kYes;
    at = literal.find(all, is_marked ? marker.end_of(marker.row) : at + 1);
  }
}

void PatternSetMatch::find_literals(std::span<const std::string_view> texts, Found* found) {
  const auto* database = static_cast<const hs_database_t*>(set_.database_);
  std::fill_n(found, texts.size(), Found::kNo);
  const std::string_view all = adjacent_bytes(texts);
  if (all.data() != nullptr && all.size() < kScanMax) {
    RowMarker marker = {
        .texts = texts, .found = found, .base = all.data(), .literals = set_.literals_};
    const hs_error_t result = hs_scan(database, all.data(), static_cast<unsigned>(all.size()), 0,
                                      scratch_of(scratch_), on_literal, &marker);
    SHARDMILL_CHECK(result == HS_SUCCESS);
    return;
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty() || texts[i].size() >= kScanMax) {
      for (const LiteralSearch& literal : set_.literals_) {
        if (literal.find(texts[i]) != LiteralSearch::kNone) found[i] = Found::kYes;
      }
      continue;
    }
    const hs_error_t result =
        hs_scan(database, texts[i].data(), static_cast<unsigned>(texts[i].size()), 0,
                scratch_of(scratch_), on_any, &found[i]);
    SHARDMILL_CHECK(result == HS_SUCCESS || result == HS_SCAN_TERMINATED);
  }
}

}  // namespace shardmill
