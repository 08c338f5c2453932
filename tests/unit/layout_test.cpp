#include "pipeline/cli/layout.h"

#include <gtest/gtest.h>

namespace shardmill {
namespace {

/// Of `sinfo`: a default partition with two kinds of nodes, a second one, and one without nodes.
constexpr std::string_view kSinfo =
    "short*|10|64|2|2:00:00\n"
    "short*|4|32+|1|2:00:00\n"
    "long|20|128|8|14-00:00:00\n"
    "gpu|2|48|2|infinite\n"
    "empty|0|0|0|infinite\n";

NodeShape nodes_of(std::string_view partitions) {
  return parse_nodes(kSinfo, partitions).value_or(NodeShape{});
}

std::string text_of(const Result<Layout>& layout) {
  if (!layout.is_ok()) return layout.status().message();
  return std::to_string(layout->nodes) + " x " + std::to_string(layout->ranks_per_node) + " x " +
         std::to_string(layout->threads);
}

TEST(ParseNodes, TakesTheLeastThatThePartitionsHave) {
  const NodeShape defaults = nodes_of("");
  EXPECT_EQ(defaults.partition, "short");
  EXPECT_EQ(defaults.nodes, 14);
  EXPECT_EQ(defaults.cpus, 32);
  EXPECT_EQ(defaults.sockets, 1);
  EXPECT_EQ(defaults.seconds_max, 7200);
  const NodeShape both = nodes_of("long,gpu");
  EXPECT_EQ(both.partition, "long,gpu");
  EXPECT_EQ(both.nodes, 22);
  EXPECT_EQ(both.cpus, 48);
  EXPECT_EQ(both.seconds_max, 0);
}

TEST(ParseNodes, FindsNothingWhereThereIsNothing) {
  EXPECT_FALSE(parse_nodes(kSinfo, "lnog"));
  EXPECT_FALSE(parse_nodes(kSinfo, "empty"));
  EXPECT_FALSE(parse_nodes("", ""));
  EXPECT_FALSE(parse_nodes("slurm_load_partitions: Unable to contact\n||||\nx|y|z|-1|\n", ""));
}

TEST(ChooseLayout, FillsNodesWithARankForEachSocket) {
  EXPECT_EQ(text_of(choose_layout({}, nodes_of("long"))), "1 x 8 x 16");
  EXPECT_EQ(text_of(choose_layout({.nodes = 2}, nodes_of("gpu"))), "2 x 2 x 24");
  EXPECT_EQ(text_of(choose_layout({.threads = 10}, nodes_of("gpu"))), "1 x 4 x 10");
  EXPECT_EQ(text_of(choose_layout({.ranks_per_node = 5}, nodes_of("gpu"))), "1 x 5 x 9");
  EXPECT_EQ(text_of(choose_layout({.ranks_per_node = 1, .threads = 2}, nodes_of("gpu"))),
            "1 x 1 x 2");
}

TEST(ChooseLayout, RefusesWhatNodesDoNotHave) {
  EXPECT_EQ(text_of(choose_layout({.ranks_per_node = 4, .threads = 16}, nodes_of("gpu"))),
            "shardmill submit: 4 ranks of 16 threads need 64 cores on a node, expected at most 48, "
            "which nodes of partition \"gpu\" have; choose fewer --ranks-per-node or --threads");
  EXPECT_EQ(text_of(choose_layout({.ranks_per_node = 49}, nodes_of("gpu"))),
            "shardmill submit: 49 ranks of 1 thread need 49 cores on a node, expected at most 48, "
            "which nodes of partition \"gpu\" have; choose fewer --ranks-per-node or --threads");
  EXPECT_EQ(text_of(choose_layout({.nodes = 3}, nodes_of("gpu"))),
            "shardmill submit: --nodes is 3, expected at most 2, which partition \"gpu\" has; "
            "choose fewer --nodes or another --partition");
}

TEST(LayoutWarning, NamesRanksAndThreadsWithoutWork) {
  const Layout layout = {.nodes = 3, .ranks_per_node = 2, .threads = 4};
  EXPECT_EQ(layout_warning(layout, 24), "");
  EXPECT_EQ(layout_warning(layout, 20),
            "6 ranks of 4 threads have 20 units to work on, so 4 threads will have nothing to do; "
            "ask for less, or for smaller units (--set input.unit_bytes=16MiB)");
  EXPECT_EQ(layout_warning(layout, 5),
            "6 ranks of 4 threads have 5 units to work on, so 1 rank will have nothing to do; "
            "ask for less, or for smaller units (--set input.unit_bytes=16MiB)");
}

}  // namespace
}  // namespace shardmill
