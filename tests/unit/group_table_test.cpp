#include "stages/support/group_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "stages/support/group_codec.h"
#include "tests/support/end_of_memory.h"

namespace shardmill {
namespace {

std::vector<uint32_t> groups_of(GroupTable& table, const std::vector<Column>& columns,
                                size_t rows) {
  std::vector<const Column*> keys;
  for (const Column& column : columns) keys.push_back(&column);
  KeyScratch scratch;
  std::vector<uint32_t> groups(rows + GroupTable::kBlockRows);
  for (size_t first = 0; first < rows; first += GroupTable::kBlockRows) {
    const RowBlock block{.first = first, .count = std::min(GroupTable::kBlockRows, rows - first)};
    table.find_or_add(keys, block, scratch, groups.data() + first);
  }
  groups.resize(rows);
  return groups;
}

Column text_column(const std::vector<std::string>& values) {
  Column column;
  column.prepare(Type::kText, values.size());
  for (size_t i = 0; i < values.size(); ++i) column.text[i] = values[i];
  return column;
}

Column float_column(const std::vector<double>& values) {
  Column column;
  column.prepare(Type::kFloat, values.size());
  for (size_t i = 0; i < values.size(); ++i) column.floats[i] = values[i];
  return column;
}

/// Texts around every length that is kept in another way.
std::vector<std::string> random_texts(size_t count, size_t different, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> all;
  for (size_t i = 0; i < different; ++i) {
    std::string text(random() % 40, 'x');
    for (char& c : text) c = "\0a\xe9z"[random() % 4];
    all.push_back(text);
  }
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) texts.push_back(all[random() % all.size()]);
  return texts;
}

TEST(GroupTable, GivesEqualKeysOneGroupAndOthersAnother) {
  for (const size_t keys : {1, 2, 3}) {
    const size_t rows = 20000;
    std::vector<std::vector<std::string>> texts;
    std::vector<Column> columns;
    for (size_t key = 0; key < keys; ++key) {
      texts.push_back(random_texts(rows, key == 0 ? 700 : 9, key));
    }
    for (const std::vector<std::string>& values : texts) columns.push_back(text_column(values));
    GroupTable table(std::vector<Type>(keys, Type::kText), 1);
    const std::vector<uint32_t> groups = groups_of(table, columns, rows);
    std::map<std::vector<std::string>, uint32_t> expected;
    for (size_t row = 0; row < rows; ++row) {
      std::vector<std::string> key;
      for (const std::vector<std::string>& values : texts) key.push_back(values[row]);
      const auto [at, is_new] = expected.emplace(key, expected.size());
      ASSERT_EQ(groups[row], at->second) << row;
      for (size_t i = 0; i < keys; ++i) ASSERT_EQ(table.text(groups[row], i), key[i]);
    }
    EXPECT_EQ(table.size(), expected.size());
  }
}

void expect_sorted_like_a_map(const std::vector<std::string>& texts) {
  GroupTable table({Type::kText}, 0);
  const std::vector<Column> columns = {text_column(texts)};
  groups_of(table, columns, texts.size());
  std::map<std::string, int> expected;
  for (const std::string& text : texts) expected[text] = 0;
  std::vector<uint32_t> order = table.sorted();
  ASSERT_EQ(order.size(), expected.size());
  size_t i = 0;
  for (const auto& [text, unused] : expected) EXPECT_EQ(table.text(order[i++], 0), text);
}

TEST(GroupTable, SortsLikeTheKeysOfAMap) {
  expect_sorted_like_a_map(random_texts(5000, 900, 77));
}

TEST(GroupTable, SortsTextsOfAtMostEightBytesLikeTheKeysOfAMap) {
  std::vector<std::string> texts = {""};
  for (std::string& text : random_texts(5000, 900, 78)) {
    texts.push_back("a" + text.substr(0, text.size() % 8));  // the first byte is not 0
    texts.back().front() = static_cast<char>(2 + text.size() * 6);
  }
  expect_sorted_like_a_map(texts);
}

TEST(GroupTable, ZerosAreOneValueNansAreOneAndSortAfterNumbersNullLast) {
  std::vector<double> values = {std::nan("1"), 0.0, -0.0, -std::nan("2"), 5, -5, 1e99, 0,
                                -1e-300,       7};
  values.push_back(std::numeric_limits<double>::infinity());
  Column column = float_column(values);
  column.set_null(9);
  std::vector<Column> columns;
  columns.push_back(std::move(column));
  GroupTable table({Type::kFloat}, 0);
  const std::vector<uint32_t> groups = groups_of(table, columns, values.size());
  EXPECT_EQ(groups, (std::vector<uint32_t>{0, 1, 1, 0, 2, 3, 4, 1, 5, 6, 7}));
  EXPECT_FALSE(std::signbit(table.number(1, 0)));
  EXPECT_EQ(table.sorted(), (std::vector<uint32_t>{3, 5, 1, 2, 4, 7, 0, 6}));
  EXPECT_TRUE(table.is_null(6, 0));
}

TEST(GroupTable, EmptyTextIsNotNullAndNotZeroBytes) {
  std::vector<Column> columns = {text_column({"", std::string(1, '\0'), "", "x", ""})};
  columns[0].text[2] = std::string_view();
  columns[0].set_null(4);
  GroupTable table({Type::kText}, 0);
  EXPECT_EQ(groups_of(table, columns, 5), (std::vector<uint32_t>{0, 1, 0, 2, 3}));
  EXPECT_EQ(table.sorted(), (std::vector<uint32_t>{0, 1, 2, 3}));
}

TEST(GroupTable, WithoutKeysAllRowsAreOneGroupThatIsThereFromTheStart) {
  GroupTable table({}, 3);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(groups_of(table, {}, 4), (std::vector<uint32_t>{0, 0, 0, 0}));
  EXPECT_EQ(table.state().at(0)[2], 0u);
}

TEST(GroupTable, SelectedRowsOnly) {
  const std::vector<Column> columns = {text_column({"a", "b", "c", "b", "a"})};
  const std::vector<uint32_t> rows = {1, 3, 4};
  GroupTable table({Type::kText}, 0);
  KeyScratch scratch;
  std::vector<uint32_t> groups(3);
  const Column* const keys[] = {&columns[0]};
  table.find_or_add(keys, RowBlock{.list = rows.data(), .count = 3}, scratch, groups.data());
  EXPECT_EQ(groups, (std::vector<uint32_t>{0, 0, 1}));
  EXPECT_EQ(table.size(), 2u);
}

TEST(GroupTable, AddingTheGroupsOfAnotherTableKeepsTheirKeys) {
  const std::vector<std::string> first = random_texts(3000, 500, 1);
  const std::vector<std::string> second = random_texts(3000, 500, 2);
  GroupTable all({Type::kText}, 0);
  groups_of(all, {text_column(first)}, first.size());
  GroupTable merged({Type::kText}, 0);
  {
    GroupTable other({Type::kText}, 0);
    groups_of(other, {text_column(second)}, second.size());
    groups_of(all, {text_column(second)}, second.size());
    groups_of(merged, {text_column(first)}, first.size());
    merge_groups(merged, other, [&](const GroupMapping& mapping) {
      for (size_t i = 0; i < mapping.count; ++i) {
        EXPECT_EQ(merged.text(mapping.into[i], 0),
                  other.text(static_cast<uint32_t>(mapping.first + i), 0));
      }
    });
  }
  ByteWriter from_all;
  encode_keys(all, all.sorted(), from_all);
  ByteWriter from_merged;
  encode_keys(merged, merged.sorted(), from_merged);
  EXPECT_EQ(from_all.bytes(), from_merged.bytes());
  GroupTable decoded({Type::kText}, 0);
  ByteReader reader(from_all.bytes());
  decode_keys(reader, decoded);
  EXPECT_TRUE(reader.done());
  ByteWriter again;
  encode_keys(decoded, decoded.sorted(), again);
  EXPECT_EQ(again.bytes(), from_all.bytes());
}

TEST(GroupTable, KeysOutOfOrderOrTwiceAreNotTheKeysOfATable) {
  for (const std::vector<std::string>& texts :
       {std::vector<std::string>{"b", "a"}, std::vector<std::string>{"a", "a"}}) {
    ByteWriter writer;
    writer.varint(2);
    for (const std::string& text : texts) {
      writer.u8(0);
      writer.text(text);
    }
    GroupTable table({Type::kText}, 0);
    ByteReader reader(writer.bytes());
    decode_keys(reader, table);
    EXPECT_TRUE(reader.failed());
  }
}

TEST(GroupTable, NeverReadsIntoThePageBehindAText) {
  EndOfMemory memory;
  char* const end = memory.end();
  std::vector<std::string> texts;
  Column column;
  column.prepare(Type::kText, 41);
  for (size_t size = 0; size <= 40; ++size) {
    std::memset(end - size, static_cast<int>('a' + size % 26), size);
    texts.emplace_back(end - size, size);
    column.text[0] = std::string_view(end - size, size);
    std::vector<Column> columns = {column};
    GroupTable table({Type::kText}, 0);
    groups_of(table, columns, 1);
    EXPECT_EQ(table.text(0, 0), texts.back());
  }
}

// In small tables runs of taken slots often go over the end, which is the hard case of growing in
// place.
TEST(GroupTable, KeepsAllGroupsWhileItGrowsInPlace) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const size_t rows = 40 + seed;
    Column column;
    column.prepare(Type::kInt, rows);
    for (size_t i = 0; i < rows; ++i) {
      column.ints[i] = static_cast<int64_t>((seed * 1000 + i) * 0x9E3779B97F4A7C15u);
    }
    std::vector<Column> columns;
    columns.push_back(std::move(column));
    GroupTable table({Type::kInt}, 0);
    const std::vector<uint32_t> first = groups_of(table, columns, rows);
    ASSERT_EQ(table.size(), rows);
    EXPECT_EQ(groups_of(table, columns, rows), first);
    ASSERT_EQ(table.size(), rows);
  }
}

TEST(GroupTable, FindsTheSameGroupsWhateverItExpects) {
  const std::vector<std::string> texts = random_texts(20'000, 9'000, 7);
  std::vector<Column> columns;
  columns.push_back(text_column(texts));
  GroupTable plain({Type::kText}, 2);
  const std::vector<uint32_t> expected = groups_of(plain, columns, texts.size());
  for (const size_t groups : {size_t{0}, size_t{300}, size_t{9'000}, SIZE_MAX}) {
    GroupTable table({Type::kText}, 2);
    table.expect(groups);
    EXPECT_LT(table.memory_bytes(), size_t{8} << 20);
    ASSERT_EQ(groups_of(table, columns, texts.size()), expected);
    table.expect(60'000);  // too late: what is there stays
    ASSERT_EQ(groups_of(table, columns, texts.size()), expected);
    ASSERT_EQ(table.size(), plain.size());
    for (size_t row = 0; row < 1'000; ++row) EXPECT_EQ(table.text(expected[row], 0), texts[row]);
  }
  GroupTable one_group({}, 1);
  one_group.expect(100);
  EXPECT_EQ(one_group.size(), 1u);
}

/// The keys of a row as text, null as "null".
std::string key_text(const std::vector<Column>& columns, size_t row) {
  std::string key;
  for (const Column& column : columns) {
    key += column.is_null(row)          ? "null"
           : column.type == Type::kText ? "t" + std::string(column.text[row])
                                        : "i" + std::to_string(column.ints[row]);
    key += '|';
  }
  return key;
}

std::string key_text(const GroupTable& table, uint32_t group) {
  std::string text;
  for (size_t key = 0; key < table.key_types().size(); ++key) {
    text += table.is_null(group, key) ? "null"
            : table.key_types()[key] == Type::kText
                ? "t" + std::string(table.text(group, key))
                : "i" + std::to_string(table.integer(group, key));
    text += '|';
  }
  return text;
}

/// Columns of short keys with nulls, and at `odd_row` one that takes the wide form.
std::vector<Column> short_keys(const std::vector<Type>& types, size_t rows, size_t odd_row,
                               std::vector<std::string>& kept) {
  static constexpr int64_t kOddInts[] = {std::numeric_limits<int64_t>::min() + 1, 0, -1, 7};
  static const std::string kOddTexts[] = {std::string("\1\0\0\0\0\0\0\x80", 8), "nine char",
                                          std::string(1, '\0'), std::string("\0a", 2),
                                          "much longer than a short text"};
  std::mt19937_64 random(rows + odd_row);
  kept.clear();
  kept.reserve(types.size() * rows);
  std::vector<Column> columns(types.size());
  for (size_t key = 0; key < types.size(); ++key) {
    Column& column = columns[key];
    column.prepare(types[key], rows);
    for (size_t row = 0; row < rows; ++row) {
      const size_t kind = random() % 400;
      const bool odd = row == odd_row && key + 1 == types.size();
      if (types[key] == Type::kText) {
        kept.push_back(odd ? kOddTexts[odd_row % 5] : std::to_string(kind).substr(0, kind % 4));
        if (!odd && kind % 3 == 0) kept.back() += "abcde";
        column.text[row] = kept.back();
      } else {
        column.ints[row] = odd ? kOddInts[0] : static_cast<int64_t>(kind % 40) - 20;
      }
      if (!odd && kind == 7) column.set_null(row);
    }
  }
  return columns;
}

TEST(GroupTable, KeepsItsGroupsAndStatesWhenTheFirstKeyComesThatIsNotShort) {
  using enum Type;
  constexpr size_t kRows = 2000;
  for (const std::vector<Type>& types :
       {std::vector{kText}, {kInt}, {kText, kText}, {kInt, kText}, {kText, kText, kInt}}) {
    for (const size_t odd_row : {size_t{0}, size_t{1}, size_t{127}, size_t{1003}, kRows}) {
      std::vector<std::string> kept;
      const std::vector<Column> columns = short_keys(types, kRows, odd_row, kept);
      GroupTable table(types, 1);
      std::map<std::string, uint64_t> expected;
      for (size_t first = 0; first < kRows; first += GroupTable::kBlockRows) {
        const size_t count = std::min(GroupTable::kBlockRows, kRows - first);
        std::vector<const Column*> keys;
        for (const Column& column : columns) keys.push_back(&column);
        KeyScratch scratch;
        std::vector<uint32_t> groups(GroupTable::kBlockRows);
        table.find_or_add(keys, RowBlock{.first = first, .count = count}, scratch, groups.data());
        for (size_t i = 0; i < count; ++i) {
          ++*table.state().at(groups[i]);
          ++expected[key_text(columns, first + i)];
          ASSERT_EQ(key_text(table, groups[i]), key_text(columns, first + i));
        }
      }
      std::map<std::string, uint64_t> found;
      for (uint32_t group = 0; group < table.size(); ++group) {
        found[key_text(table, group)] += *table.state().at(group);
      }
      EXPECT_EQ(found, expected) << types.size() << " keys, odd row " << odd_row;
      EXPECT_EQ(table.size(), expected.size());
    }
  }
}

TEST(GroupTable, TakesTheGroupsOfATableWhoseKeysAreLongerOrShorter) {
  const std::vector<std::string> narrow = {"a", "b", "", "12345678"};
  const std::vector<std::string> wide = {"b", "123456789", "a", std::string(1, '\0'), ""};
  for (const bool wide_first : {false, true}) {
    GroupTable table({Type::kText}, 1);
    GroupTable other({Type::kText}, 1);
    groups_of(table, {text_column(wide_first ? wide : narrow)}, wide_first ? 5 : 4);
    groups_of(other, {text_column(wide_first ? narrow : wide)}, wide_first ? 4 : 5);
    merge_groups(table, other, [&](const GroupMapping& mapping) {
      for (size_t i = 0; i < mapping.count; ++i) {
        EXPECT_EQ(table.text(mapping.into[i], 0),
                  other.text(static_cast<uint32_t>(mapping.first + i), 0));
      }
    });
    EXPECT_EQ(table.size(), 6u);
  }
}

TEST(GroupTable, AMillionGroupsTakeLittleMemory) {
  const size_t rows = 1'000'000;
  Column column;
  column.prepare(Type::kInt, rows);
  for (size_t i = 0; i < rows; ++i) column.ints[i] = static_cast<int64_t>(i * 2654435761);
  std::vector<Column> columns;
  columns.push_back(std::move(column));
  GroupTable table({Type::kInt}, 1);
  groups_of(table, columns, rows);
  EXPECT_EQ(table.size(), rows);
  EXPECT_LT(table.memory_bytes(), rows * 64);
}

}  // namespace
}  // namespace shardmill
