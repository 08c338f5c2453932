// Regular expressions over bytes: PCRE2 defines what a pattern means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/message.h"
#include "stages/support/direct_pattern.h"
#include "stages/support/line_groups.h"
#include "stages/support/literal_search.h"

namespace shardmill {

/// Work that matching one text may cost before it is given up, in PCRE2's match steps. Keeps a
/// pattern that explodes on some texts to some ten milliseconds a text.
inline constexpr uint32_t kMatchStepsMax = 1'000'000;

/// A text that every match of a pattern contains.
struct RequiredLiteral {
  std::string text;  ///< empty if none is known
  bool is_prefix =
      false;  ///< a match starts with it, so the first match starts at or after its first place
};

/// Finds the longest literal that every match of the PCRE2 pattern contains, as far as a simple
/// reading of the pattern shows: anything unusual gives none. Pure.
RequiredLiteral required_literal(std::string_view pattern);

/// Whether the pattern has no special character, so that it matches itself and nothing else. Pure.
bool is_fixed_text(std::string_view pattern);

/// A compiled pattern. Immutable; any thread. Matches bytes, not characters (no UTF mode); classes
/// and case are ASCII; `.` stops at a newline.
class Pattern {
 public:
  struct Options {
    bool ignore_case = false;
    bool fixed = false;  ///< the text stands for itself
  };

  /// Whether the pattern is sound; otherwise says why not, as `compile` does.
  static bool check(std::string_view text, Options options, std::string_view field,
                    Message& problem);
  /// nullptr and the problem (without place) if the pattern is wrong. `field` is named in it.
  static std::shared_ptr<const Pattern> compile(std::string_view text, Options options,
                                                std::string_view field, Message& problem);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  struct Group {
    std::string name;
    uint32_t number = 0;
  };
  /// By number.
  const std::vector<Group>& named_groups() const { return named_groups_; }
  /// Groups in the pattern, named or not.
  uint32_t group_count() const;
  const RequiredLiteral& literal() const { return literal_; }
  /// For literal(). REQUIRES: there is one.
  const LiteralSearch& literal_search() const { return *search_; }

 private:
  friend class PatternMatch;
  Pattern() = default;

  void* code_ = nullptr;
  bool has_jit_ = false;
  RequiredLiteral literal_;
  std::optional<LiteralSearch> search_;  ///< for literal_
  std::optional<DirectPattern> direct_;  ///< finds the same, quicker
  bool literal_has_prefix_ = false;      ///< where literal_ stands, direct_'s prefix does
  std::vector<Group> named_groups_;
};

/// What matching works in besides the pattern's own data. One worker's; may serve many patterns,
/// one after the other.
class MatchMemory {
 public:
  MatchMemory();
  ~MatchMemory();
  MatchMemory(const MatchMemory&) = delete;
  MatchMemory& operator=(const MatchMemory&) = delete;

 private:
  friend class PatternMatch;
  void* context_ = nullptr;
  void* jit_stack_ = nullptr;
};

/// Matches texts against one pattern. One worker's; keeps its scratch memory.
class PatternMatch {
 public:
  using Found = LineGroups::Found;

  /// `pattern` must outlive the match. Makes its own memory if none is given.
  explicit PatternMatch(const Pattern& pattern, std::shared_ptr<MatchMemory> memory = nullptr);
  ~PatternMatch();
  PatternMatch(const PatternMatch&) = delete;
  PatternMatch& operator=(const PatternMatch&) = delete;

  /// Looks for the leftmost match in `text` that begins at `from` or behind; what stands before
  /// `from` is seen by \b and the like. kLimit: more than kMatchStepsMax steps, or memory.
  /// REQUIRES: from <= text.size().
  Found find(std::string_view text, size_t from = 0);
  /// The same in a text of which it is known where the pattern's literal first stands in it.
  Found find_with_literal(std::string_view text, size_t literal_at);
  /// The same in each of `lines` of `text`, of which it is known where the pattern's literal first
  /// stands in them. Sets what belongs to these lines in `groups`. REQUIRES: at most
  /// LineGroups::kLines; the text is shorter than 4 GiB, and 8 bytes behind it may be read.
  void find_in_lines(std::string_view text, std::span<const LineHit> lines, LineGroups& groups);
  /// The same by PCRE2 alone, which defines what is found.
  Found find_by_pcre2(std::string_view text, size_t from = 0);

  /// Part of the text last found that group `number` matched; nothing if the group did not take
  /// part. REQUIRES: the last find gave kYes, and its text still lives.
  std::optional<std::string_view> group(uint32_t number) const {
    const size_t begin = ends_[2 * number];
    const size_t end = ends_[2 * number + 1];
    if (begin > end || end > text_.size()) return std::nullopt;
    return text_.substr(begin, end - begin);
  }

 private:
  void write_spans(std::string_view text, size_t line, LineGroups& groups) const;
  Found checked(DirectPattern::Found direct, std::string_view text, size_t from);

  const Pattern& pattern_;
  std::shared_ptr<MatchMemory> memory_;
  void* data_ = nullptr;
  const size_t* ends_ = nullptr;
  std::vector<size_t> direct_ends_;
  size_t group_count_ = 0;
  std::string_view text_;
};

/// The reason under which a record is rejected when kLimit was met.
std::string match_limit_reason();

}  // namespace shardmill
