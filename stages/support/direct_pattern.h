// Patterns that need no trial and error: a run of texts and byte classes, one behind the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stages/support/line_groups.h"
#include "stages/support/literal_search.h"

namespace shardmill {

/// A PCRE2 pattern over bytes of which every piece can match in one way only, as in
/// `status=(?P<status>\d+) bytes=([^ ]*)`: bytes, `.`, classes, \d \w \s, repeats of them whose
/// bytes cannot begin what follows, groups around them, ^ in front, $ at the end. Such a pattern is
/// matched by going over the text once: 5 to 15 ns a match, against 40 to 100 for PCRE2's machine
/// code. Immutable; any thread.
class DirectPattern {
 public:
  /// Nothing if the pattern has anything else in it. REQUIRES: PCRE2 takes the pattern.
  static std::optional<DirectPattern> compile(std::string_view pattern, bool ignore_case);

  enum class Found : uint8_t { kNo, kYes, kTooLong };

  /// Finds what PCRE2 finds: the leftmost match that begins at `from` or behind. `ends` has room
  /// for begin and end of the match and of each group. kTooLong: the pattern looked at more than
  /// kMatchBytesMax bytes, again and again, without an end; PCRE2 should decide.
  /// REQUIRES: from <= text.size().
  Found find(std::string_view text, size_t from, size_t* ends) const;
  /// The same if it is known that prefix() stands at `from`.
  Found find_behind_prefix(std::string_view text, size_t from, size_t* ends) const;

  /// Tries the match that begins at the hit of each of `lines` of `text`: sets found to kYes where
  /// it fits, with the spans of all groups, else to kNo, though another match may fit further on.
  /// All lines go through a step of the pattern before any goes through the next, so that none
  /// waits for another: 1 to 2 ns for a step and a line. REQUIRES: prefix() stands at each hit; at
  /// most LineGroups::kLines; the text is shorter than 4 GiB, and 8 bytes behind it may be read.
  void match_lines(std::string_view text, std::span<const LineHit> lines, LineGroups& groups) const;

  static constexpr size_t kMatchBytesMax = 1'000'000;

  /// What every match starts with and `find` searches for; empty if that is no text.
  std::string_view prefix() const {
    return prefix_ ? std::string_view(texts_).substr(0, prefix_->size()) : std::string_view();
  }

 private:
  friend class DirectPatternParser;
  using ByteSet = std::array<bool, 256>;

  /// One after the other; each takes bytes or marks a place.
  struct Step {
    enum Kind : uint8_t { kText, kRun, kMark, kEnd };
    Kind kind = kText;
    size_t set = 0;    ///< kRun: of sets_
    size_t text = 0;   ///< kText: where in texts_ it begins
    size_t least = 0;  ///< kRun: bytes to take; kText: its length; kMark: index of `ends`
    size_t most = 0;
    bool digits = false;  ///< kRun: the set is that of all digits
  };

  DirectPattern() = default;
  bool match_at(std::string_view text, size_t start, size_t* ends, size_t& looked_at) const;
  bool is_text_at(const Step& step, const char* at) const;
  struct LinePlaces;
  void step_over_text(const Step& step, std::string_view text, LinePlaces& places) const;
  void step_over_run(const Step& step, std::string_view text, LinePlaces& places) const;

  std::vector<Step> steps_;
  std::vector<ByteSet> sets_;
  std::string texts_;
  bool ignore_case_ = false;
  bool is_anchored_ = false;
  /// What a match starts with, if that is a text; `first_step_` comes behind it.
  std::optional<LiteralSearch> prefix_;
  size_t first_step_ = 0;
  std::optional<size_t> first_set_;  ///< else: of sets_, what a match starts with
};

}  // namespace shardmill
