#include "stages/support/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "stages/support/literal_search.h"

namespace shardmill {
namespace {

struct LiteralCase {
  const char* pattern;
  const char* literal;
  bool is_prefix;
};

TEST(Regex, FindsTheLongestTextThatEveryMatchHolds) {
  const LiteralCase cases[] = {
      {"status=(?P<status>\\d+) bytes=(?P<bytes>\\d+)", "status=", true},
      {"user=(\\d+) path=/api/v2", " path=/api/v2", false},
      {"ERROR", "ERROR", true},
      {"^ERROR", "ERROR", false},
      {"a\\.log$", "a.log", true},
      {"[ab]cde", "cde", false},
      {"[]a]xy[^]]z", "xy", false},
      {"abc?", "ab", true},
      {"abc+d", "abc", true},
      {"abc*?def", "def", false},
      {"\\d{4}-\\d{2}-xx", "-xx", false},
      {"ab{2}cd", "cd", false},
      {"(?:ab|cd)ef", "ef", false},
      {"(a(b)c)?xyz", "xyz", false},
      {"a(\\)|x)bc", "bc", false},
      {"", "", false},
  };
  for (const LiteralCase& c : cases) {
    const RequiredLiteral found = required_literal(c.pattern);
    EXPECT_EQ(found.text, c.literal) << c.pattern;
    EXPECT_EQ(found.is_prefix && !found.text.empty(), c.is_prefix) << c.pattern;
  }
}

TEST(Regex, GivesUpOnWhatItDoesNotKnow) {
  for (const char* pattern :
       {"ab|cd", "(?i)abc", "abc(?i)def", "(?x)a b c", "\\Qa|b\\E", "(*ACCEPT)abc", "a(?R)?b",
        "abc\\x41", "abc\\Kdef", "(?(1)a|b)cd", "a{,3}bc", "a(?#no)b", "\\Gabc", "x(a\\Kb)cd",
        "[[:alpha:]]abc", "(?<n>a)\\k<n>bc"}) {
    EXPECT_EQ(required_literal(pattern).text, "") << pattern;
  }
}

/// Patterns from a small grammar, so that many of them match texts from the same letters.
std::string random_pattern(std::mt19937_64& random, int depth) {
  static const char* const kAtoms[] = {"a",   "b",    "ab",  "[ab]",  "[^a]",  ".", "\\d",
                                       "\\.", "a{2}", "\\b", "(?=a)", "(?!b)", "^", "$"};
  static const char* const kQuantifiers[] = {"", "", "", "", "?", "*", "+", "{1,2}", "*?", "++"};
  std::string pattern;
  for (size_t left = 1 + random() % 4; left > 0; --left) {
    if (depth > 0 && random() % 4 == 0) {
      const char* const starts[] = {"(", "(?:", "(?P<n>", "(?>", "(?i)(", "(?i:"};
      pattern += std::string(starts[random() % std::size(starts)]) +
                 random_pattern(random, depth - 1) + ")";
    } else {
      pattern += kAtoms[random() % std::size(kAtoms)];
    }
    pattern += kQuantifiers[random() % std::size(kQuantifiers)];
    if (random() % 9 == 0) pattern += "|";
  }
  return pattern;
}

TEST(Regex, TheLiteralBeforeThePatternNeverChangesAMatch) {
  std::mt19937_64 random(9);
  size_t with_literal = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random_pattern(random, 2);
    Message problem;
    const auto pattern = Pattern::compile(text, {}, "pattern", problem);
    // The empty alternative in front keeps the meaning and hides every literal.
    const auto plain = Pattern::compile("(?:" + text + ")", {}, "pattern", problem);
    if (pattern == nullptr || plain == nullptr) continue;
    ASSERT_EQ(plain->literal().text, "");
    with_literal += pattern->literal().text.empty() ? 0 : 1;
    PatternMatch with(*pattern);
    PatternMatch without(*plain);
    for (int j = 0; j < 10; ++j) {
      std::string subject;
      for (size_t left = random() % 12; left > 0; --left) subject += "aabbAB. 1"[random() % 9];
      const auto found = with.find(subject);
      ASSERT_EQ(found, without.find_by_pcre2(subject)) << text << " on " << subject;
      if (found != PatternMatch::Found::kYes) continue;
      const auto a = with.group(0);
      const auto b = without.group(0);
      ASSERT_EQ(a.has_value(), b.has_value());
      if (!a) continue;
      ASSERT_EQ(a->data() - subject.data(), b->data() - subject.data()) << text;
      ASSERT_EQ(a->size(), b->size()) << text << " on " << subject;
    }
  }
  EXPECT_GT(with_literal, 500u);
}

/// Runs of texts and classes with groups around them; about half of them can match in one way only.
std::string random_direct_pattern(std::mt19937_64& random) {
  static const char* const kAtoms[] = {"a",      "b",   "ab=", "[ab]",    "[^a]", ".",        "\\d",
                                       "\\.",    "\\w", "\\s", "\\S",     "[^ ]", "[b-d\\]]", "\\W",
                                       "[^\\d]", "\\D", "B",   "[\\w.-]", "=",    "\\t",      "-"};
  static const char* const kQuantifiers[] = {"",  "",   "",      "",     "?",  "*",  "+",
                                             "+", "+?", "{1,2}", "{2,}", "*?", "++", "{3}"};
  std::string pattern = random() % 8 == 0 ? "^" : "";
  size_t open = 0;
  for (size_t left = 1 + random() % 6; left > 0; --left) {
    if (random() % 4 == 0) {
      const char* const starts[] = {"(", "(?:", "(?P<n>", "(?<m>"};
      pattern += starts[random() % std::size(starts)];
      ++open;
    }
    pattern += kAtoms[random() % std::size(kAtoms)];
    pattern += kQuantifiers[random() % std::size(kQuantifiers)];
    if (open > 0 && random() % 2 == 0) {
      pattern += ")";
      --open;
    }
  }
  for (; open > 0; --open) pattern += ")";
  return pattern + (random() % 8 == 0 ? "$" : "");
}

TEST(DirectPattern, FindsWhatPcre2Finds) {
  std::mt19937_64 random(4);
  size_t direct = 0;
  size_t matches = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_direct_pattern(random);
    const Pattern::Options options = {.ignore_case = random() % 4 == 0};
    Message problem;
    const auto pattern = Pattern::compile(text, options, "pattern", problem);
    if (pattern == nullptr || !DirectPattern::compile(text, options.ignore_case)) continue;
    ++direct;
    PatternMatch fast(*pattern);
    PatternMatch plain(*pattern);
    for (int j = 0; j < 20; ++j) {
      std::string subject;
      for (size_t left = random() % 24; left > 0; --left) {
        subject += "aaaabbbbccBA=. 11-_]\t\n\r\xe9"[random() % 24];
      }
      const size_t from = random() % 3 == 0 ? random() % (subject.size() + 1) : 0;
      const auto found = fast.find(subject, from);
      ASSERT_EQ(found, plain.find_by_pcre2(subject, from)) << text << " on " << subject;
      if (found != PatternMatch::Found::kYes) continue;
      ++matches;
      for (uint32_t group = 0; group <= pattern->group_count(); ++group) {
        const auto a = fast.group(group);
        const auto b = plain.group(group);
        ASSERT_TRUE(a && b) << text;
        ASSERT_EQ(a->data() - subject.data(), b->data() - subject.data()) << text << group;
        ASSERT_EQ(a->size(), b->size()) << text << " on " << subject;
      }
    }
  }
  EXPECT_GT(direct, 2'000u);
  EXPECT_GT(matches, 10'000u);
}

/// Lines in which the pattern's literal stands, and padding behind them as readers give it.
struct LinesOfLiteral {
  std::string padded;
  std::string_view text;
  std::vector<LineHit> hits;

  LinesOfLiteral(const LiteralSearch& literal, const std::string& content)
      : padded(content + std::string(64, '1')), text(padded.data(), content.size()) {
    hits.resize(LineGroups::kLines);
    hits.resize(literal.find_lines(text, 0, hits.data(), hits.size()));
  }
};

// The padding goes on with digits, which belong to no line.
TEST(Regex, MatchesManyLinesAtOnceAsItDoesOneByOne) {
  static constexpr const char* kPatterns[] = {
      "s=(\\d+) b=(\\d+)", "s=(\\d{2,9})b?",          "s=(\\d*)$",
      "s=([^ ]*) (b=)",    "s=(\\d+) bytes=1?2",      "s=(a)(\\w*)-?longer than a word(x*)",
      "x(\\d+)s=(\\d)",    "s=(?P<a>\\d)?(\\d|b)\\b", "s=(\\d+)( b=(\\d+))?"};
  static constexpr const char* kPieces[] = {"s=",        "s=12",
                                            " b=",       "s=123456789",
                                            " ",         "1",
                                            "12345678",  "\r",
                                            "\n",        "\n",
                                            "s=1 b=22 ", "s=77 bytes=2",
                                            "x9s=8",     "s=alonger than a word",
                                            "a"};
  std::mt19937_64 random(7);
  size_t matches = 0;
  for (int i = 0; i < 4'000; ++i) {
    const Pattern::Options options = {.ignore_case = random() % 4 == 0};
    Message problem;
    const auto pattern =
        Pattern::compile(kPatterns[random() % std::size(kPatterns)], options, "pattern", problem);
    ASSERT_NE(pattern, nullptr);
    std::string content;
    for (size_t left = random() % 200; left > 0; --left) {
      content += kPieces[random() % std::size(kPieces)];
    }
    const LinesOfLiteral lines(pattern->literal_search(), content);
    PatternMatch fast(*pattern);
    PatternMatch plain(*pattern);
    LineGroups groups;
    fast.find_in_lines(lines.text, lines.hits, groups);
    for (size_t line = 0; line < lines.hits.size(); ++line) {
      const std::string_view subject = lines.hits[line].content(lines.text);
      ASSERT_EQ(groups.found[line], plain.find_by_pcre2(subject)) << subject;
      if (groups.found[line] != PatternMatch::Found::kYes) continue;
      ++matches;
      for (uint32_t number = 1; number <= pattern->group_count(); ++number) {
        const FieldSpan span = groups.of(number)[line];
        const auto part = plain.group(number);
        ASSERT_EQ(span.begin <= span.end, part.has_value()) << subject;
        ASSERT_TRUE(part || groups.some_took_no_part);
        if (!part) continue;
        ASSERT_EQ(lines.text.data() + span.begin, part->data()) << subject;
        ASSERT_EQ(span.end - span.begin, part->size()) << subject;
      }
    }
  }
  EXPECT_GT(matches, 10'000u);
}

TEST(DirectPattern, TakesThePatternsOfLogsAndLeavesAllOthersToPcre2) {
  for (const char* pattern :
       {"status=(?P<status>\\d+) bytes=(?P<bytes>\\d+)", "user=(\\d+) path=/api/v2",
        "^(?<host>\\S+) \\S+ (?<user>\\S+) \\[([^\\]]*)\\] \"([^\"]*)\" (\\d{3}) (\\d+)",
        "took=(?P<ms>[\\d.]+)ms$", "", "^$", "a{2,3}b", "x[a-f0-9]+?-"}) {
    EXPECT_TRUE(DirectPattern::compile(pattern, false).has_value()) << pattern;
  }
  for (const char* pattern :
       {"a|b",     "a*ab",   "\\d+1",     ".*x",        "(ab)?c",     "(a)+", "\\bab", "a\\b",
        "a$b",     "a^",     "(?i)a",     "(?=a)b",     "(?<=a)b",    "\\R",  "\\h",   "\\x41",
        "[]a]",    "a{,3}",  "\\1",       "\\Qa\\E",    "[\\b]",      "a+?",  "a?a",   "[^b]*$",
        "a{1000}", "(?#a)b", "(\\d+|-)?", "(*ACCEPT)a", "[[:alpha:]]"}) {
    EXPECT_FALSE(DirectPattern::compile(pattern, false).has_value()) << pattern;
  }
}

TEST(DirectPattern, LeavesTextsThatTakeTooLongToPcre2) {
  const auto pattern = DirectPattern::compile("1\\d+x", false);
  ASSERT_TRUE(pattern);
  size_t ends[2];
  EXPECT_EQ(pattern->find(std::string(3'000, '1'), 0, ends), DirectPattern::Found::kTooLong);
  EXPECT_EQ(pattern->find(std::string(3'000, '1') + "x", 0, ends), DirectPattern::Found::kYes);
  EXPECT_EQ(pattern->find(std::string(300, '1'), 0, ends), DirectPattern::Found::kNo);
}

TEST(Regex, MatchesBytesNotCharacters) {
  Message problem;
  const auto pattern = Pattern::compile("^na..ve$", {}, "pattern", problem);
  ASSERT_NE(pattern, nullptr);
  PatternMatch match(*pattern);
  EXPECT_EQ(match.find("naïve"), PatternMatch::Found::kYes);
  EXPECT_EQ(match.find(std::string_view("na\xff\x00ve", 6)), PatternMatch::Found::kYes);
  const auto upper = Pattern::compile("É", {.ignore_case = true}, "pattern", problem);
  EXPECT_EQ(PatternMatch(*upper).find("é"), PatternMatch::Found::kNo);
}

TEST(Regex, SaysAtWhichCharacterAPatternIsWrong) {
  Message problem;
  EXPECT_EQ(Pattern::compile("ïx(", {}, "pattern", problem), nullptr);
  EXPECT_EQ(problem.text(),
            "pattern \"ïx(\" is wrong at character 4 (missing closing parenthesis), expected a "
            "PCRE2 pattern over bytes; put a backslash before a character that stands for itself");
  EXPECT_EQ(Pattern::compile("(*UTF)a", {}, "pattern", problem), nullptr);
}

TEST(Literal, TheFastSearchEqualsThePlainOne) {
  std::mt19937_64 random(21);
  for (int i = 0; i < 20'000; ++i) {
    const auto some = [&](size_t bytes) {
      std::string text;
      while (text.size() < bytes) text += "aabB="[random() % 5];
      return text;
    };
    const std::string text = some(random() % 200);
    const LiteralSearch search(some(random() % (i % 5 == 0 ? 40 : 6)), i % 2 == 0);
    const size_t from = random() % (text.size() + 2);
    ASSERT_EQ(search.find(text, from), search.find_scalar(text, from)) << text;
  }
}

TEST(Literal, TheFastSearchForLinesEqualsThePlainOne) {
  std::mt19937_64 random(22);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 600, 'x');
    const size_t usual_line = 1 + random() % 200;
    for (char& c : text) c = random() % usual_line == 0 ? '\n' : "aabBx= "[random() % 7];
    const std::string_view needles[] = {"a", "ab", "aab", "xx", "=x=", "a=b=", "bbbbbbb"};
    const LiteralSearch search(needles[random() % std::size(needles)], i % 2 == 0);
    const size_t first_line = text.find('\n') + 1;  // 0 if there is one line only
    const size_t from = random() % 2 == 0 ? 0 : first_line;
    const size_t room = 1 + random() % 12;
    std::vector<LineHit> lines(room), expected(room);
    lines.resize(search.find_lines(text, from, lines.data(), room));
    expected.resize(search.find_lines_scalar(text, from, expected.data(), room));
    ASSERT_EQ(lines.size(), expected.size()) << text;
    for (size_t line = 0; line < lines.size(); ++line) {
      ASSERT_EQ(lines[line].begin, expected[line].begin) << text;
      ASSERT_EQ(lines[line].end, expected[line].end) << text;
      ASSERT_EQ(lines[line].hit, expected[line].hit) << text;
    }
  }
}

TEST(Literal, ReadsNoByteBehindTheText) {
  const LiteralSearch search("=x");
  for (size_t size = 0; size < 150; ++size) {
    const std::unique_ptr<char[]> exact(new char[size]);
    std::memset(exact.get(), '=', size);
    EXPECT_EQ(search.find({exact.get(), size}), LiteralSearch::kNone);
    LineHit line;
    EXPECT_EQ(search.find_lines({exact.get(), size}, 0, &line, 1), 0u);
  }
}

}  // namespace
}  // namespace shardmill
