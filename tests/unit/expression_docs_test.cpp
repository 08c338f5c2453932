// What people read of the expression language.
#include "pipeline/cli/expression_docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ExpressionDocs, ThePageIsAsTheProgramPrintsIt) {
  const std::filesystem::path page =
      std::filesystem::path(SHARDMILL_SOURCE_DIR) / "docs/expressions.md";
  EXPECT_EQ(read_file(page), expressions_markdown())
      << "run: build/shardmill expressions --markdown > docs/expressions.md";
}

TEST(ExpressionDocs, EveryNameIsFoundAndListed) {
  const std::string list = expressions_list();
  const std::string page = expressions_markdown();
  EXPECT_THAT(expression_names(), testing::IsSupersetOf({"int", "null", "or", "not in", "substr"}));
  for (const std::string& name : expression_names()) {
    ASSERT_FALSE(find_expressions(name).empty()) << name;
    for (const LanguageEntry* entry : find_expressions(name)) {
      EXPECT_THAT(list, HasSubstr(std::string(entry->syntax) + " ")) << name;
      EXPECT_THAT(page, HasSubstr("`" + std::string(entry->syntax) + "`")) << name;
      EXPECT_THAT(expression_page(*entry),
                  HasSubstr(std::string(entry->example) + " is " + std::string(entry->expected)))
          << name;
    }
  }
  EXPECT_THAT(find_expressions("nothing"), IsEmpty());
}

TEST(ExpressionDocs, APageSaysWhatItTakesAndGives) {
  EXPECT_EQ(
      expression_page(*find_expressions("/").at(0)),
      "a / b\n\nThe quotient, never cut to a whole number; null if b is 0.\n\non     two numbers\n"
      "gives  float\n7 / 2 is 3.5\n");
  ASSERT_EQ(find_expressions("int").size(), 2u) << "a type and a function";
  EXPECT_THAT(expression_page(*find_expressions("int")[0]), testing::StartsWith("int: 12, -3\n"));
}

TEST(ExpressionDocs, TheCommandShowsOneOrSaysWhichIsNear) {
  const auto run = [](const std::string& words) {
    return run_command(SHARDMILL_BINARY " expressions " + words + " 2>&1");
  };
  EXPECT_EQ(run("").output, expressions_list());
  EXPECT_EQ(run("'not in'").output, expression_page(*find_expressions("not in").at(0)));
  EXPECT_EQ(run("--markdown").output, expressions_markdown());
  const CommandResult wrong = run("substring");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.output,
            "shardmill expressions: there is no type, operator or function \"substring\", expected "
            "one that \"shardmill expressions\" lists; did you mean \"substr\"?\n");
}

}  // namespace
}  // namespace shardmill
