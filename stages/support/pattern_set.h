// Finds the texts in which any of several patterns occurs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/options.h"
#include "stages/support/literal_search.h"
#include "stages/support/regex.h"

namespace shardmill {

/// Patterns of which one has to occur. Immutable; any thread.
///
/// One fixed text is searched for by LiteralSearch, several by vectorscan (for fixed texts it is
/// equal to a plain search), patterns by PCRE2 one after the other, each after its required
/// literal.
class PatternSet {
 public:
  /// nullptr after reporting every wrong pattern at `line`. REQUIRES: at least one pattern.
  static std::unique_ptr<const PatternSet> compile(const std::vector<std::string>& patterns,
                                                   Pattern::Options options, int line,
                                                   Problems& problems);
  ~PatternSet();

 private:
  friend class PatternSetMatch;
  PatternSet() = default;
  void compile_literals(const std::vector<std::string>& patterns, bool ignore_case);

  bool matches_all_ = false;  ///< an empty fixed text occurs everywhere
  std::vector<LiteralSearch> literals_;
  void* database_ = nullptr;  ///< vectorscan's, for several literals
  void* scratch_ = nullptr;   ///< to be cloned by workers
  std::vector<std::shared_ptr<const Pattern>> patterns_;
};

/// Searches many texts at once. One worker's; keeps its scratch memory.
class PatternSetMatch {
 public:
  /// `set` must outlive the match.
  explicit PatternSetMatch(const PatternSet& set);
  ~PatternSetMatch();
  PatternSetMatch(const PatternSetMatch&) = delete;
  PatternSetMatch& operator=(const PatternSetMatch&) = delete;

  /// Sets `found[i]` to what was found in `texts[i]`. Texts that lie one behind the other in one
  /// buffer, as lines of a chunk do, are searched as one text where that gives the same.
  void find(std::span<const std::string_view> texts, PatternMatch::Found* found);

 private:
  PatternMatch::Found find_patterns(std::string_view text);
  void find_literal(std::span<const std::string_view> texts, PatternMatch::Found* found) const;
  void find_literals(std::span<const std::string_view> texts, PatternMatch::Found* found);

  const PatternSet& set_;
  void* scratch_ = nullptr;
  std::vector<std::unique_ptr<PatternMatch>> matches_;
};

/// The bytes from the start of the first text to the end of the last if at most two bytes (a line
/// end) lie between neighbours; otherwise nothing (data() is null).
std::string_view adjacent_bytes(std::span<const std::string_view> texts);

}  // namespace shardmill
