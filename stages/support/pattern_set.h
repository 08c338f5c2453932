// Finds the texts in which any of several patterns occurs.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/options.h"
#include "stages/support/literal_search.h"
#include "stages/support/literal_set.h"
#include "stages/support/regex.h"

namespace shardmill {

/// A pattern and where it stands.
struct PatternText {
  std::string_view text;
  size_t file_line = 0;  ///< of the file of patterns, from 1; 0: in the job
};

/// Patterns of which one has to occur. Immutable; any thread.
///
/// A pattern without special characters is a fixed text. Fixed texts, and the texts that other
/// patterns cannot match without, are searched for over whole chunks: a few one after the other by
/// LiteralSearch, more together by LiteralSet; where such a text occurs, PCRE2 decides. Patterns
/// that need no text of some length are matched by PCRE2 one after the other. 10,000 fixed texts:
/// 0.5 to 3 GB/s a thread in cache, the less the more of the text looks like them.
class PatternSet {
 public:
  /// Reports the first few wrong patterns.
  static void check(const std::vector<PatternText>& patterns, Pattern::Options options, int line,
                    Problems& problems);
  /// nullptr after reporting the first few wrong patterns at `line`. REQUIRES: at least one
  /// pattern, and none that is empty.
  static std::unique_ptr<const PatternSet> compile(const std::vector<PatternText>& patterns,
                                                   Pattern::Options options, int line,
                                                   Problems& problems);
  ~PatternSet();

  /// One text announces all matches, so that PatternSetMatch::find_lines can be used.
  bool has_one_literal() const;

  PatternSet(const PatternSet&) = delete;
  PatternSet& operator=(const PatternSet&) = delete;

 private:
  friend class PatternSetMatch;
  static constexpr uint32_t kFixed = ~uint32_t{0};

  /// A text to search for, and the pattern that it announces: an index of patterns_, or kFixed.
  struct Literal {
    LiteralSearch search;
    std::string text;
    uint32_t pattern = kFixed;
  };
  explicit PatternSet(Pattern::Options options);
  void add_fixed(std::string_view text);
  void add_pattern(std::shared_ptr<const Pattern> pattern);
  /// Made when the first worker asks, so that ranks do so at the same time. nullptr: the literals
  /// are so few that each is searched for by itself.
  const LiteralSet* literal_set() const;

  Pattern::Options options_;
  std::vector<Literal> literals_;
  std::vector<std::shared_ptr<const Pattern>> patterns_;
  std::vector<uint32_t> always_;  ///< patterns that no literal announces
  mutable std::once_flag made_;
  mutable std::unique_ptr<const LiteralSet> literal_set_;
};

/// Searches many texts at once. One worker's; keeps its scratch memory.
class PatternSetMatch {
 public:
  /// `set` must outlive the match.
  explicit PatternSetMatch(const PatternSet& set);
  PatternSetMatch(const PatternSetMatch&) = delete;
  PatternSetMatch& operator=(const PatternSetMatch&) = delete;

  /// A line of a text, without its line end.
  struct FoundLine {
    size_t begin = 0;
    size_t end = 0;  ///< of the line in the text: at its "\n" or the end of the text
    PatternMatch::Found found = PatternMatch::Found::kNo;
  };

  /// Finds the lines of `text` that are not kNo, without looking at the others: writes them to
  /// `lines`. A CR in front of a "\n" is no part of a line. REQUIRES: has_one_literal().
  void find_lines(std::string_view text, std::vector<FoundLine>& lines);

  /// Sets `found[i]` to what was found in `texts[i]`. Texts that lie one behind the other in one
  /// buffer, as lines of a chunk do, are searched as one text where that gives the same.
  void find(std::span<const std::string_view> texts, PatternMatch::Found* found);

 private:
  struct Scan;

  void find_literals(std::string_view bytes, size_t first_row, size_t rows);
  void find_literal(uint32_t i, std::string_view bytes, size_t first_row, size_t rows);
  void announce(size_t row, uint32_t literal);
  void match(size_t row, uint32_t pattern);
  PatternMatch& match_of(uint32_t pattern);

  const PatternSet& set_;
  const LiteralSet* const literal_set_;
  std::shared_ptr<MatchMemory> memory_;
  std::vector<std::unique_ptr<PatternMatch>> matches_;  ///< made when first needed
  /// By pattern: the search, and the text in it, for which it was matched last.
  std::vector<uint64_t> matched_;
  uint64_t first_mark_ = 1;  ///< of the search at hand: text i has this and i
  std::span<const std::string_view> texts_;
  PatternMatch::Found* found_ = nullptr;
};

/// The bytes from the start of the first text to the end of the last if at most two bytes (a line
/// end) lie between neighbours; otherwise nothing (data() is null).
std::string_view adjacent_bytes(std::span<const std::string_view> texts);

}  // namespace shardmill
