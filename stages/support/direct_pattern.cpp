#include "stages/support/direct_pattern.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace shardmill {

namespace {

constexpr size_t kNoLimit = static_cast<size_t>(-1);
/// Larger counts are left to PCRE2, which has its own limit.
constexpr size_t kCountMax = 999;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c) || c == '_';
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
char other_case(char c) {
  return is_letter(c) ? static_cast<char>(c ^ 0x20) : c;
}
unsigned char byte_of(char c) {
  return static_cast<unsigned char>(c);
}

}  // namespace

/// Reads a pattern; gives up on whatever it does not know.
class DirectPatternParser {
 public:
  DirectPatternParser(std::string_view pattern, bool ignore_case) : rest_(pattern) {
    out_.ignore_case_ = ignore_case;
  }

  std::optional<DirectPattern> parse() {
    if (take('^')) out_.is_anchored_ = true;
    while (!rest_.empty()) {
      if (!piece()) return std::nullopt;
    }
    if (!open_groups_.empty() || !is_without_choices()) return std::nullopt;
    find_start();
    return std::move(out_);
  }

 private:
  using Step = DirectPattern::Step;
  using ByteSet = DirectPattern::ByteSet;

  struct Repeat {
    size_t least = 1;
    size_t most = 1;
    bool lazy = false;
  };

  char peek(size_t at = 0) const { return at < rest_.size() ? rest_[at] : '\0'; }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool piece() {
    if (rest_[0] == '(') return open_group();
    if (rest_[0] == ')') return close_group();
    if (rest_[0] == '$') {
      rest_.remove_prefix(1);
      out_.steps_.push_back({.kind = Step::kEnd});
      lazy_.push_back(false);
      return rest_.empty();
    }
    ByteSet set = {};
    char single = 0;
    bool is_single = false;
    if (!atom(set, single, is_single)) return false;
    Repeat repeat;
    if (!quantifier(repeat)) return false;
    if (is_single && repeat.least == 1 && repeat.most == 1) {
      add_byte(single);
    } else {
      out_.steps_.push_back({.kind = Step::kRun,
                             .set = out_.sets_.size(),
                             .least = repeat.least,
                             .most = repeat.most,
                             .digits = is_digits(set)});
      lazy_.push_back(repeat.lazy);
      out_.sets_.push_back(set);
    }
    return true;
  }

  void add_byte(char c) {
    if (out_.steps_.empty() || out_.steps_.back().kind != Step::kText) {
      out_.steps_.push_back({.kind = Step::kText, .text = out_.texts_.size()});
      lazy_.push_back(false);
    }
    out_.texts_ += c;
    ++out_.steps_.back().least;
  }

  void add_mark(size_t index) {
    out_.steps_.push_back({.kind = Step::kMark, .least = index});
    lazy_.push_back(false);
  }

  bool open_group() {
    rest_.remove_prefix(1);
    if (peek() == '*') return false;
    size_t number = 0;
    if (take("?:")) {
      open_groups_.push_back(0);
      return true;
    }
    if (take("?P<") || (peek() == '?' && peek(1) == '<' && is_word(peek(2)) && take("?<"))) {
      const size_t end = rest_.find('>');
      if (end == std::string_view::npos) return false;
      rest_.remove_prefix(end + 1);
    } else if (peek() == '?') {
      return false;
    }
    number = ++groups_;
    add_mark(2 * number);
    open_groups_.push_back(number);
    return true;
  }

  bool close_group() {
    rest_.remove_prefix(1);
    if (open_groups_.empty()) return false;
    const size_t number = open_groups_.back();
    open_groups_.pop_back();
    if (number > 0) add_mark(2 * number + 1);
    return peek() != '*' && peek() != '+' && peek() != '?' && peek() != '{';
  }

  static void add(ByteSet& set, bool (*wanted)(char c), bool negated) {
    for (size_t i = 0; i < set.size(); ++i) {
      if (wanted(static_cast<char>(i)) != negated) set[i] = true;
    }
  }

  static bool is_digits(const ByteSet& set) {
    for (size_t i = 0; i < set.size(); ++i) {
      if (set[i] != is_digit(static_cast<char>(i))) return false;
    }
    return true;
  }

  /// \d and the like.
  static bool add_named(ByteSet& set, char name) {
    switch (name) {
      case 'd':
      case 'D':
        add(set, is_digit, name == 'D');
        return true;
      case 'w':
      case 'W':
        add(set, is_word, name == 'W');
        return true;
      case 's':
      case 'S':
        add(set, is_space, name == 'S');
        return true;
      default:
        return false;
    }
  }

  void add(ByteSet& set, char c) const {
    set[byte_of(c)] = true;
    if (out_.ignore_case_) set[byte_of(other_case(c))] = true;
  }

  bool atom(ByteSet& set, char& single, bool& is_single) {
    const char c = rest_[0];
    if (std::string_view("|*+?{^").find(c) != std::string_view::npos) return false;
    if (c == '[') return byte_class(set);
    if (c == '.') {
      rest_.remove_prefix(1);
      set.fill(true);
      set['\n'] = false;
      return true;
    }
    if (c == '\\') {
      if (add_named(set, peek(1))) {
        rest_.remove_prefix(2);
        return true;
      }
      return escaped_byte(single) && (is_single = true, add(set, single), true);
    }
    rest_.remove_prefix(1);
    single = c;
    is_single = true;
    add(set, c);
    return true;
  }

  /// A backslash and what it stands for with the next character.
  bool escaped_byte(char& c) {
    if (rest_.size() < 2) return false;
    c = rest_[1];
    if (c == 't') {
      c = '\t';
    } else if (is_letter(c) || is_digit(c) || byte_of(c) >= 0x80) {
      return false;
    }
    rest_.remove_prefix(2);
    return true;
  }

  /// [...] of bytes, ranges and \d and the like.
  bool byte_class(ByteSet& set) {
    rest_.remove_prefix(1);
    const bool negated = take('^');
    if (peek() == ']') return false;
    while (!take(']')) {
      if (rest_.empty() || !class_member(set)) return false;
    }
    if (negated) {
      for (bool& is_in : set) is_in = !is_in;
    }
    return true;
  }

  bool class_member(ByteSet& set) {
    if (peek() == '[') return false;  // [:names:] and what looks like them
    if (peek() == '\\' && add_named(set, peek(1))) {
      rest_.remove_prefix(2);
      return peek() != '-' || peek(1) == ']';
    }
    char first = 0;
    if (!class_byte(first)) return false;
    if (peek() != '-' || peek(1) == ']') {
      add(set, first);
      return true;
    }
    rest_.remove_prefix(1);
    char last = 0;
    if (peek() == '[' || (peek() == '\\' && is_letter(peek(1))) || !class_byte(last)) return false;
    if (byte_of(first) > byte_of(last)) return false;
    for (unsigned i = byte_of(first); i <= byte_of(last); ++i) add(set, static_cast<char>(i));
    return true;
  }

  bool class_byte(char& c) {
    if (rest_.empty()) return false;
    if (rest_[0] == '\\') return escaped_byte(c);
    c = rest_[0];
    rest_.remove_prefix(1);
    return true;
  }

  bool quantifier(Repeat& repeat) {
    if (take('*')) {
      repeat = {.least = 0, .most = kNoLimit};
    } else if (take('+')) {
      repeat = {.least = 1, .most = kNoLimit};
    } else if (take('?')) {
      repeat = {.least = 0, .most = 1};
    } else if (peek() == '{') {
      if (!count(repeat)) return false;
    } else {
      return true;
    }
    if (take('?')) {
      repeat.lazy = true;
    } else {
      take('+');  // nothing is given back anyway
    }
    return peek() != '*' && peek() != '+' && peek() != '?' && peek() != '{';
  }

  /// {2}, {2,} or {2,4}.
  bool count(Repeat& repeat) {
    rest_.remove_prefix(1);
    if (!number(repeat.least)) return false;
    repeat.most = repeat.least;
    if (take(',')) {
      repeat.most = kNoLimit;
      if (peek() != '}' && !number(repeat.most)) return false;
    }
    return take('}') && repeat.least <= repeat.most && repeat.most > 0;
  }

  bool number(size_t& value) {
    if (!is_digit(peek())) return false;
    value = 0;
    for (; is_digit(peek()); rest_.remove_prefix(1)) {
      value = value * 10 + static_cast<size_t>(peek() - '0');
      if (value > kCountMax) return false;
    }
    return true;
  }

  bool takes(const Step& step, unsigned byte) const {
    if (step.kind == Step::kRun) return out_.sets_[step.set][byte];
    const char c = out_.texts_[step.text];
    return byte == byte_of(c) || (out_.ignore_case_ && byte == byte_of(other_case(c)));
  }

  /// Whether every repeat ends where its bytes end, whatever follows.
  bool is_without_choices() const {
    for (size_t i = 0; i < out_.steps_.size(); ++i) {
      const Step& step = out_.steps_[i];
      if (step.kind == Step::kRun && step.least != step.most && !is_clear_end(i)) return false;
    }
    return true;
  }

  bool is_clear_end(size_t repeat) const {
    const ByteSet& set = out_.sets_[out_.steps_[repeat].set];
    for (size_t i = repeat + 1; i < out_.steps_.size(); ++i) {
      const Step& next = out_.steps_[i];
      if (next.kind == Step::kMark) continue;
      if (next.kind == Step::kEnd) return !set['\n'];  // it may stand before a last newline
      for (unsigned byte = 0; byte < set.size(); ++byte) {
        if (set[byte] && takes(next, byte)) return false;
      }
      if (next.kind == Step::kText || next.least > 0) return true;
    }
    return !lazy_[repeat];  // the pattern ends: as many as there are
  }

  void find_start() {
    if (out_.is_anchored_ || out_.steps_.empty()) return;
    const Step& first = out_.steps_[0];
    if (first.kind == Step::kText) {
      out_.prefix_.emplace(std::string_view(out_.texts_).substr(0, first.least), out_.ignore_case_);
      out_.first_step_ = 1;
      return;
    }
    const auto is_mark = [](const Step& step) { return step.kind == Step::kMark; };
    const auto taker = std::find_if_not(out_.steps_.begin(), out_.steps_.end(), is_mark);
    if (taker == out_.steps_.end() || taker->kind != Step::kRun || taker->least == 0) return;
    out_.first_set_ = taker->set;
  }

  std::string_view rest_;
  DirectPattern out_;
  std::vector<bool> lazy_;  ///< by step
  std::vector<size_t> open_groups_;
  size_t groups_ = 0;
};

std::optional<DirectPattern> DirectPattern::compile(std::string_view pattern, bool ignore_case) {
  return DirectPatternParser(pattern, ignore_case).parse();
}

bool DirectPattern::is_text_at(const Step& step, const char* at) const {
  const char* const text = texts_.data() + step.text;
  if (!ignore_case_) return equal_bytes(at, text, step.least);
  for (size_t i = 0; i < step.least; ++i) {
    if (at[i] != text[i] && at[i] != other_case(text[i])) return false;
  }
  return true;
}

namespace {

/// How many of the eight bytes at `at`, from the first on, are digits: without a branch for each,
/// since the end of a number can hardly be guessed.
size_t leading_digits(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  const uint64_t from_zero = word ^ 0x3030303030303030u;
  const uint64_t others =
      (((from_zero & 0x7f7f7f7f7f7f7f7fu) + 0x7676767676767676u) | from_zero) & 0x8080808080808080u;
  return others == 0 ? sizeof word : static_cast<size_t>(std::countr_zero(others)) / 8;
}

}  // namespace

/// Whether the steps behind the prefix fit at `start`.
bool DirectPattern::match_at(std::string_view text, size_t start, size_t* ends,
                             size_t& looked_at) const {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* at = begin + start;
  const Step* const last_step = steps_.data() + steps_.size();
  for (const Step* next = steps_.data() + first_step_; next != last_step; ++next) {
    const Step& step = *next;
    switch (step.kind) {
      case Step::kText:
        if (static_cast<size_t>(end - at) < step.least || !is_text_at(step, at)) return false;
        at += step.least;
        break;
      case Step::kRun: {
        const ByteSet& set = sets_[step.set];
        const size_t room = std::min(static_cast<size_t>(end - at), step.most);
        const char* const first = at;
        const char* const last = at + room;
        if (step.digits && room >= sizeof(uint64_t)) at += leading_digits(at);
        if (at == first || at == first + sizeof(uint64_t) || !step.digits) {
          while (at < last && set[byte_of(*at)]) ++at;
        }
        const auto taken = static_cast<size_t>(at - first);
        looked_at += taken;
        if (taken < step.least) return false;
        break;
      }
      case Step::kMark:
        ends[step.least] = static_cast<size_t>(at - begin);
        break;
      case Step::kEnd:
        if (at != end && !(at + 1 == end && *at == '\n')) return false;
        break;
    }
  }
  ends[1] = static_cast<size_t>(at - begin);
  return true;
}

/// How far each of some lines of a text has been matched.
struct DirectPattern::LinePlaces {
  size_t count = 0;
  std::array<uint32_t, LineGroups::kLines> at;
  std::array<uint32_t, LineGroups::kLines> end;  ///< of the line's content; never before `at`
  std::array<uint8_t, LineGroups::kLines> fits;  ///< 1 while it does
};

void DirectPattern::step_over_text(const Step& step, std::string_view text,
                                   LinePlaces& places) const {
  const auto size = static_cast<uint32_t>(std::min(step.least, text.size() + 1));
  if (ignore_case_ || size > sizeof(uint64_t)) {
    for (size_t i = 0; i < places.count; ++i) {
      uint32_t& at = places.at[i];
      const bool fits = places.end[i] - at >= size && is_text_at(step, text.data() + at);
      places.fits[i] &= fits ? 1 : 0;
      at += fits ? size : 0;
    }
    return;
  }
  uint64_t wanted = 0;
  std::memcpy(&wanted, texts_.data() + step.text, size);
  const size_t bits_behind = 8 * (sizeof wanted - size);
  for (size_t i = 0; i < places.count; ++i) {
    uint32_t& at = places.at[i];
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    const bool fits =
        (places.end[i] - at >= size) & (((word ^ wanted) << bits_behind) == 0);  // no branch
    places.fits[i] &= static_cast<uint8_t>(fits);
    at += fits ? size : 0;
  }
}

void DirectPattern::step_over_run(const Step& step, std::string_view text,
                                  LinePlaces& places) const {
  const ByteSet& set = sets_[step.set];
  for (size_t i = 0; i < places.count; ++i) {
    uint32_t& at = places.at[i];
    const size_t room = std::min<size_t>(places.end[i] - at, step.most);
    const char* const first = text.data() + at;
    size_t taken = step.digits ? std::min(leading_digits(first), room) : 0;
    if (!step.digits || taken == sizeof(uint64_t)) {
      while (taken < room && set[byte_of(first[taken])]) ++taken;
    }
    places.fits[i] &= static_cast<uint8_t>(taken >= step.least);
    at += static_cast<uint32_t>(taken);
  }
}

void DirectPattern::match_lines(std::string_view text, std::span<const LineHit> lines,
                                LineGroups& groups) const {
  LinePlaces places;
  places.count = lines.size();
  for (size_t i = 0; i < places.count; ++i) {
    const LineHit& line = lines[i];
    places.at[i] = static_cast<uint32_t>(line.hit + prefix().size());
    places.end[i] = static_cast<uint32_t>(line.begin + line.content(text).size());
    places.fits[i] = 1;
  }
  for (const Step& step : std::span(steps_).subspan(first_step_)) {
    switch (step.kind) {
      case Step::kText:
        step_over_text(step, text, places);
        break;
      case Step::kRun:
        step_over_run(step, text, places);
        break;
      case Step::kMark: {
        FieldSpan* const spans = groups.of(step.least / 2);
        for (size_t i = 0; i < places.count; ++i) {
          (step.least % 2 == 0 ? spans[i].begin : spans[i].end) = places.at[i];
        }
        break;
      }
      case Step::kEnd:
        for (size_t i = 0; i < places.count; ++i) {
          places.fits[i] &= static_cast<uint8_t>(places.at[i] == places.end[i]);
        }
        break;
    }
  }
  for (size_t i = 0; i < places.count; ++i) {
    groups.found[i] = places.fits[i] != 0 ? LineGroups::Found::kYes : LineGroups::Found::kNo;
  }
}

DirectPattern::Found DirectPattern::find_behind_prefix(std::string_view text, size_t from,
                                                       size_t* ends) const {
  size_t looked_at = 0;
  if (!match_at(text, from + prefix().size(), ends, looked_at)) return find(text, from + 1, ends);
  ends[0] = from;
  return Found::kYes;
}

DirectPattern::Found DirectPattern::find(std::string_view text, size_t from, size_t* ends) const {
  if (is_anchored_ && from > 0) return Found::kNo;
  size_t looked_at = 0;
  for (size_t start = from; start <= text.size(); ++start) {
    size_t behind = start;
    if (prefix_) {
      start = prefix_->find(text, start);
      if (start == LiteralSearch::kNone) return Found::kNo;
      behind = start + prefix_->size();
    } else if (first_set_) {
      const ByteSet& set = sets_[*first_set_];
      while (start < text.size() && !set[byte_of(text[start])]) ++start;
      if (start == text.size()) return Found::kNo;
      behind = start;
    }
    if (match_at(text, behind, ends, looked_at)) {
      ends[0] = start;
      return Found::kYes;
    }
    if (is_anchored_) return Found::kNo;
    if (++looked_at > kMatchBytesMax) return Found::kTooLong;
  }
  return Found::kNo;
}

}  // namespace shardmill
