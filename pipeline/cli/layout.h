// How many ranks and threads a job gets on the nodes of a cluster. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// The least that the nodes of a partition have.
struct NodeShape {
  std::string partition;
  uint64_t nodes = 0;  ///< of the partition
  uint64_t cpus = 0;
  uint64_t sockets = 1;
  double seconds_max = 0;  ///< of a job; 0: no limit
};

/// What to give to `sinfo -o` for parse_nodes.
inline constexpr std::string_view kNodesFormat = "%P|%D|%c|%X|%l";

/// The answer of `sinfo -h -o kNodesFormat`, a line for each kind of node. `partitions` as for
/// sbatch, one or several with commas; empty: the site's default. Nothing if they are not there.
std::optional<NodeShape> parse_nodes(std::string_view answer, std::string_view partitions);

struct Layout {
  uint64_t nodes = 1;
  uint64_t ranks_per_node = 1;
  uint64_t threads = 1;  ///< of a rank

  uint64_t ranks() const { return nodes * ranks_per_node; }
  uint64_t workers() const { return ranks() * threads; }
};

/// What the user wants; 0: nothing.
struct LayoutWish {
  uint64_t nodes = 0;
  uint64_t ranks_per_node = 0;
  uint64_t threads = 0;
};

/// Fills what is not wished: one node, a rank for each socket (whose memory is near to all its
/// threads), and threads for all cores. kUsage if the nodes have not that many.
Result<Layout> choose_layout(const LayoutWish& wish, const NodeShape& shape);

/// A sentence if some of the workers will have nothing to do; empty if not.
std::string layout_warning(const Layout& layout, uint64_t units);

}  // namespace shardmill
