#include "stages/support/pattern_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "pipeline/core/options.h"

namespace shardmill {

namespace {

using Found = PatternMatch::Found;

/// Lines in one buffer, as those of a chunk, of bytes of which few stand in the texts searched for.
struct Lines {
  std::string buffer;
  std::vector<std::string_view> texts;
};

std::string random_text(std::mt19937& random, size_t least, size_t most) {
  std::string text(least + random() % (most - least + 1), '\0');
  for (char& c : text) c = "abcdefgh"[random() % 8];
  return text;
}

Lines random_lines(std::mt19937& random, const std::vector<std::string>& wanted) {
  Lines lines;
  std::vector<std::pair<size_t, size_t>> places;
  for (size_t line = random() % 6 + 1; line > 0; --line) {
    const size_t begin = lines.buffer.size();
    for (size_t left = random() % 120; left > 0; --left) {
      const unsigned c = random() % 60;
      lines.buffer += c < 8 ? "abcdefgh"[c] : c < 16 ? ' ' : static_cast<char>(128 + c);
    }
    if (random() % 3 == 0) lines.buffer += wanted[random() % wanted.size()];
    places.emplace_back(begin, lines.buffer.size() - begin);
    lines.buffer += random() % 4 == 0 ? "\r\n" : "\n";
  }
  for (const auto& [begin, size] : places) {
    lines.texts.push_back(std::string_view(lines.buffer).substr(begin, size));
  }
  return lines;
}

std::vector<Found> found_plainly(const std::vector<std::string_view>& texts,
                                 const std::vector<std::string>& wanted) {
  std::vector<Found> found;
  for (const std::string_view text : texts) {
    const bool any = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
      return text.find(one) != std::string_view::npos;
    });
    found.push_back(any ? Found::kYes : Found::kNo);
  }
  return found;
}

/// Fixed texts, or patterns that need them and a space behind.
void expect_what_a_plain_search_finds(unsigned seed, bool as_patterns) {
  std::mt19937 random(seed);
  std::vector<std::string> wanted(random() % 12 + 1);
  for (std::string& text : wanted) text = random_text(random, 1, random() % 2 == 0 ? 2 : 8);
  std::vector<std::string> sources = wanted;
  std::vector<PatternText> patterns;
  for (std::string& source : sources) {
    if (as_patterns) source = "(?:" + source + ")[^x]{0}";
    patterns.push_back({.text = source});
  }
  Problems problems;
  const auto set = PatternSet::compile(patterns, {}, 1, problems);
  ASSERT_NE(set, nullptr);
  PatternSetMatch match(*set);
  for (int round = 0; round < 40; ++round) {
    const Lines lines = random_lines(random, wanted);
    std::vector<Found> found(lines.texts.size());
    match.find(lines.texts, found.data());
    ASSERT_EQ(found, found_plainly(lines.texts, wanted)) << "seed " << seed << " round " << round;
    // The same texts, not one behind the other.
    std::vector<std::string_view> backwards(lines.texts.rbegin(), lines.texts.rend());
    std::vector<Found> found_backwards(backwards.size());
    match.find(backwards, found_backwards.data());
    std::reverse(found_backwards.begin(), found_backwards.end());
    ASSERT_EQ(found_backwards, found) << "seed " << seed << " round " << round;
  }
}

TEST(PatternSet, FindsWhatAPlainSearchFinds) {
  for (unsigned seed = 0; seed < 1500; ++seed) expect_what_a_plain_search_finds(seed, false);
}

TEST(PatternSet, MatchesPatternsWhereTheirTextsStand) {
  for (unsigned seed = 0; seed < 300; ++seed) expect_what_a_plain_search_finds(seed, true);
}

}  // namespace
}  // namespace shardmill
