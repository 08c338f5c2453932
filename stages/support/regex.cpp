#include "stages/support/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

/// Memory for the machine code's own stack, grown on demand.
constexpr size_t kJitStackStart = 32 << 10;
constexpr size_t kJitStackMax = 1 << 20;
/// KiB of heap for the interpreter, where there is no machine code.
constexpr uint32_t kHeapMax = 20 << 10;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Walks over a pattern and collects the texts that stand in every match. Gives up on whatever it
/// does not know, since a wrong literal would lose matches.
class LiteralFinder {
 public:
  explicit LiteralFinder(std::string_view pattern) : rest_(pattern) {}

  RequiredLiteral find() {
    while (!rest_.empty()) {
      if (!step()) return {};
    }
    end_run();
    return best_;
  }

 private:
  char peek(size_t at = 0) const { return at < rest_.size() ? rest_[at] : '\0'; }

  /// Takes one atom with its quantifier; false to give up.
  bool step() {
    const char c = rest_[0];
    switch (c) {
      case '|':
        return false;
      case '(':
        return skip_group() && no_literal();
      case '[':
        return skip_class() && no_literal();
      case '\\':
        return escape();
      case '.':
      case '^':
      case '$':
        rest_.remove_prefix(1);
        return no_literal();
      case '*':
      case '+':
      case '?':
      case ')':
        return false;
      default:
        rest_.remove_prefix(1);
        return literal(c);
    }
  }

  bool escape() {
    const char c = peek(1);
    if (rest_.size() < 2) return false;
    if (!is_letter(c) && !is_digit(c)) {
      rest_.remove_prefix(2);
      return literal(c);
    }
    static constexpr std::string_view kWithoutArgument = "dDwWsShHvVbBAzZtnrfR";
    if (kWithoutArgument.find(c) == std::string_view::npos) return false;
    rest_.remove_prefix(2);
    return no_literal();
  }

  /// An atom that is not a fixed text.
  bool no_literal() {
    end_run();
    starts_match_ = false;
    Quantifier ignored;
    return quantifier(ignored);
  }

  bool literal(char c) {
    Quantifier found;
    if (!quantifier(found)) return false;
    if (!found.present) {
      run_ += c;
      return true;
    }
    if (found.at_least_one) run_ += c;
    end_run();
    starts_match_ = false;
    return true;
  }

  struct Quantifier {
    bool present = false;
    bool at_least_one = false;
  };

  bool quantifier(Quantifier& found) {
    const char c = peek();
    if (c == '{') {
      found.present = true;
      return skip_count();
    }
    if (c != '*' && c != '+' && c != '?') return true;
    found = {.present = true, .at_least_one = c == '+'};
    rest_.remove_prefix(1);
    if (peek() == '+' || peek() == '?') rest_.remove_prefix(1);
    return true;
  }

  /// {2}, {2,} or {2,4}; anything else may be fixed text.
  bool skip_count() {
    const size_t end = rest_.find('}');
    if (end == std::string_view::npos || !is_digit(peek(1))) return false;
    const std::string_view count = rest_.substr(1, end - 1);
    if (count.find_first_not_of("0123456789,") != std::string_view::npos) return false;
    if (std::count(count.begin(), count.end(), ',') > 1) return false;
    rest_.remove_prefix(end + 1);
    if (peek() == '+' || peek() == '?') rest_.remove_prefix(1);
    return true;
  }

  void end_run() {
    if (run_.size() > best_.text.size()) best_ = {.text = run_, .is_prefix = starts_match_};
    if (!run_.empty()) starts_match_ = false;
    run_.clear();
  }

  /// [...] as PCRE2 reads it: a first ] is a member; \ escapes; [:names:] have their own brackets.
  bool skip_class() {
    rest_.remove_prefix(1);
    if (peek() == '^') rest_.remove_prefix(1);
    if (peek() == ']') rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_[0];
      if (c == ']') {
        rest_.remove_prefix(1);
        return true;
      }
      if (c == '\\' && (peek(1) == 'Q' || peek(1) == 'E')) return false;
      if (c == '[' && (peek(1) == ':' || peek(1) == '.' || peek(1) == '=')) return false;
      rest_.remove_prefix(std::min<size_t>(c == '\\' ? 2 : 1, rest_.size()));
    }
    return false;
  }

  /// A group that changes nothing outside of itself: plain, named, not captured, looking around.
  bool known_group_start() const {
    if (peek(1) == '*') return false;
    if (peek(1) != '?') return true;
    static constexpr std::string_view kSafe = ":=!>|";
    if (kSafe.find(peek(2)) != std::string_view::npos && peek(2) != '\0') return true;
    if (peek(2) == 'P' && peek(3) == '<') return true;
    return peek(2) == '<' &&
           (is_letter(peek(3)) || peek(3) == '_' || peek(3) == '=' || peek(3) == '!');
  }

  bool skip_group() {
    size_t depth = 0;
    do {
      if (rest_.empty()) return false;
      const char c = rest_[0];
      if (c == '(') {
        if (!known_group_start()) return false;
        ++depth;
      } else if (c == ')') {
        --depth;
      } else if (c == '[') {
        if (!skip_class()) return false;
        continue;
      } else if (c == '\\') {
        if (rest_.size() < 2 || peek(1) == 'Q' || peek(1) == 'E' || peek(1) == 'K') return false;
        rest_.remove_prefix(1);
      }
      rest_.remove_prefix(1);
    } while (depth > 0);
    return true;
  }

  std::string_view rest_;
  std::string run_;
  bool starts_match_ = true;  ///< nothing stands before run_
  RequiredLiteral best_;
};

pcre2_code* code_of(void* code) {
  return static_cast<pcre2_code*>(code);
}

std::string error_text(int code) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(code, buffer, sizeof buffer) < 0) return "unknown error";
  return reinterpret_cast<const char*>(buffer);
}

/// Compiles with every setting that PCRE2 could have been built with another default for.
pcre2_code* compile_code(std::string_view text, Pattern::Options options, int& error,
                         size_t& offset) {
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  SHARDMILL_CHECK(context != nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
  uint32_t flags = options.fixed ? PCRE2_LITERAL : PCRE2_NEVER_UTF;
  if (options.ignore_case) flags |= PCRE2_CASELESS;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), flags,
                                   &error, &offset, context);
  pcre2_compile_context_free(context);
  return code;
}

/// nullptr and the problem if the pattern is wrong.
pcre2_code* compile_checked(std::string_view text, Pattern::Options options, std::string_view field,
                            Message& problem) {
  int error = 0;
  size_t offset = 0;
  pcre2_code* code = compile_code(text, options, error, offset);
  if (code != nullptr) return code;
  const size_t character = code_points(text.substr(0, std::min(offset, text.size()))) + 1;
  problem = {.place = {},
             .found = fmt::format("{} {} is wrong at character {} ({})", field, quoted(text),
                                  character, error_text(error)),
             .expected = "a PCRE2 pattern over bytes",
             .fix = "put a backslash before a character that stands for itself"};
  return nullptr;
}

std::vector<Pattern::Group> read_groups(pcre2_code* code) {
  uint32_t count = 0;
  uint32_t entry_bytes = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count);
  pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
  pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
  std::vector<Pattern::Group> groups;
  for (uint32_t i = 0; i < count; ++i) {
    PCRE2_SPTR entry = table + static_cast<size_t>(i) * entry_bytes;
    groups.push_back({.name = reinterpret_cast<const char*>(entry + 2),
                      .number = static_cast<uint32_t>(entry[0]) << 8 | entry[1]});
  }
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return groups;
}

}  // namespace

RequiredLiteral required_literal(std::string_view pattern) {
  return LiteralFinder(pattern).find();
}

bool is_fixed_text(std::string_view pattern) {
  return pattern.find_first_of("\\^$.[|()?*+{") == std::string_view::npos;
}

std::string match_limit_reason() {
  return fmt::format(
      "matching took more than {} steps, expected less; write the pattern so that it cannot match "
      "one text in many ways",
      with_separators(kMatchStepsMax));
}

bool Pattern::check(std::string_view text, Options options, std::string_view field,
                    Message& problem) {
  pcre2_code* code = compile_checked(text, options, field, problem);
  pcre2_code_free(code);
  return code != nullptr;
}

std::shared_ptr<const Pattern> Pattern::compile(std::string_view text, Options options,
                                                std::string_view field, Message& problem) {
  pcre2_code* code = compile_checked(text, options, field, problem);
  if (code == nullptr) return nullptr;
  std::shared_ptr<Pattern> pattern(new Pattern());
  pattern->code_ = code;
  pattern->has_jit_ = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  pattern->named_groups_ = read_groups(code);
  if (options.fixed) {
    pattern->literal_ = {.text = std::string(text), .is_prefix = true};
  } else {
    pattern->literal_ = required_literal(text);
    pattern->direct_ = DirectPattern::compile(text, options.ignore_case);
    const std::string_view prefix = pattern->direct_ ? pattern->direct_->prefix() : "";
    pattern->literal_has_prefix_ = !prefix.empty() && pattern->literal_.is_prefix &&
                                   pattern->literal_.text.starts_with(prefix);
  }
  if (!pattern->literal_.text.empty()) {
    pattern->search_.emplace(pattern->literal_.text, options.ignore_case);
  }
  return pattern;
}

Pattern::~Pattern() {
  pcre2_code_free(code_of(code_));
}

MatchMemory::MatchMemory() {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  SHARDMILL_CHECK(context != nullptr);
  pcre2_set_match_limit(context, kMatchStepsMax);
  pcre2_set_heap_limit(context, kHeapMax);
  // Without machine code this gives no stack, and none is needed.
  jit_stack_ = pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr);
  if (jit_stack_ != nullptr) pcre2_jit_stack_assign(context, nullptr, jit_stack_);
  context_ = context;
}

MatchMemory::~MatchMemory() {
  pcre2_match_context_free(static_cast<pcre2_match_context*>(context_));
  if (jit_stack_ != nullptr) pcre2_jit_stack_free(static_cast<pcre2_jit_stack*>(jit_stack_));
}

PatternMatch::PatternMatch(const Pattern& pattern, std::shared_ptr<MatchMemory> memory)
    : pattern_(pattern),
      memory_(memory != nullptr ? std::move(memory) : std::make_shared<MatchMemory>()) {
  pcre2_match_data* data = pcre2_match_data_create_from_pattern(code_of(pattern.code_), nullptr);
  SHARDMILL_CHECK(data != nullptr);
  data_ = data;
  static_assert(sizeof(PCRE2_SIZE) == sizeof(size_t));
  group_count_ = pattern.group_count();
  if (pattern.direct_) direct_ends_.resize(2 * (group_count_ + 1));
}

PatternMatch::~PatternMatch() {
  pcre2_match_data_free(static_cast<pcre2_match_data*>(data_));
}

uint32_t Pattern::group_count() const {
  uint32_t count = 0;
  pcre2_pattern_info(code_of(code_), PCRE2_INFO_CAPTURECOUNT, &count);
  return count;
}

PatternMatch::Found PatternMatch::find(std::string_view text, size_t from) {
  const std::optional<DirectPattern>& direct = pattern_.direct_;
  if (pattern_.search_ && !pattern_.literal_has_prefix_) {
    const size_t literal = pattern_.search_->find(text, from);
    if (literal == LiteralSearch::kNone) return Found::kNo;
    if (pattern_.literal_.is_prefix) from = literal;
  }
  if (!direct) return find_by_pcre2(text, from);
  return checked(direct->find(text, from, direct_ends_.data()), text, from);
}

PatternMatch::Found PatternMatch::find_with_literal(std::string_view text, size_t literal_at) {
  const std::optional<DirectPattern>& direct = pattern_.direct_;
  const size_t from = pattern_.literal_.is_prefix ? literal_at : 0;
  if (!direct) return find_by_pcre2(text, from);
  size_t* const ends = direct_ends_.data();
  return checked(pattern_.literal_has_prefix_ ? direct->find_behind_prefix(text, from, ends)
                                              : direct->find(text, from, ends),
                 text, from);
}

void PatternMatch::find_in_lines(std::string_view text, std::span<const LineHit> lines,
                                 LineGroups& groups) {
  groups.spans.resize((group_count_ + 1) * LineGroups::kLines);
  groups.some_took_no_part = false;
  const bool is_tried = pattern_.direct_ && pattern_.literal_has_prefix_;
  if (is_tried) pattern_.direct_->match_lines(text, lines, groups);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (is_tried && groups.found[i] == Found::kYes) continue;
    const LineHit& line = lines[i];
    groups.found[i] = find_with_literal(line.content(text), line.hit - line.begin);
    if (groups.found[i] == Found::kYes) write_spans(text, i, groups);
  }
}

/// Of the match last found, in a line of `text`.
void PatternMatch::write_spans(std::string_view text, size_t line, LineGroups& groups) const {
  for (uint32_t number = 1; number <= group_count_; ++number) {
    const std::optional<std::string_view> part = group(number);
    FieldSpan& span = groups.of(number)[line];
    span = {.begin = 1, .end = 0};
    groups.some_took_no_part |= !part;
    if (!part) continue;
    span.begin = static_cast<uint32_t>(part->data() - text.data());
    span.end = span.begin + static_cast<uint32_t>(part->size());
  }
}

/// What `direct` found from `from` on, unless it gave up.
PatternMatch::Found PatternMatch::checked(DirectPattern::Found direct, std::string_view text,
                                          size_t from) {
  if (direct == DirectPattern::Found::kTooLong) return find_by_pcre2(text, from);
  text_ = text;
  ends_ = direct_ends_.data();
  return direct == DirectPattern::Found::kYes ? Found::kYes : Found::kNo;
}

PatternMatch::Found PatternMatch::find_by_pcre2(std::string_view text, size_t from) {
  text_ = text.data() == nullptr ? std::string_view("", 0) : text;
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text_.data());
  auto* data = static_cast<pcre2_match_data*>(data_);
  auto* context = static_cast<pcre2_match_context*>(memory_->context_);
  ends_ = pcre2_get_ovector_pointer(data);
  const int result =
      pattern_.has_jit_
          ? pcre2_jit_match(code_of(pattern_.code_), subject, text_.size(), from, 0, data, context)
          : pcre2_match(code_of(pattern_.code_), subject, text_.size(), from, 0, data, context);
  if (result > 0) return Found::kYes;
  if (result == PCRE2_ERROR_NOMATCH) return Found::kNo;
  SHARDMILL_CHECK(result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_JIT_STACKLIMIT ||
                  result == PCRE2_ERROR_HEAPLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
                  result == PCRE2_ERROR_NOMEMORY || result == PCRE2_ERROR_RECURSELOOP);
  return Found::kLimit;
}

}  // namespace shardmill
