#include "pipeline/cli/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/run/slurm.h"

namespace shardmill {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "4", or "4+" where nodes differ and 4 is the least.
uint64_t least(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_wanted(std::string_view partition, bool is_default, std::string_view partitions) {
  if (partitions.empty()) return is_default;
  const std::vector<std::string_view> names = split(partitions, ',');
  return std::find(names.begin(), names.end(), partition) != names.end();
}

void add(const NodeShape& kind, NodeShape& shape) {
  if (shape.nodes == 0) {
    shape = kind;
    return;
  }
  if (shape.partition != kind.partition) shape.partition += "," + kind.partition;
  shape.nodes += kind.nodes;
  shape.cpus = std::min(shape.cpus, kind.cpus);
  shape.sockets = std::min(shape.sockets, kind.sockets);
  const bool both_limited = shape.seconds_max > 0 && kind.seconds_max > 0;
  shape.seconds_max = both_limited ? std::max(shape.seconds_max, kind.seconds_max) : 0;
}

Status too_many_cores(const Layout& layout, const NodeShape& shape) {
  return Status::usage(Message{
      .place = "shardmill submit",
      .found = fmt::format("{} of {} need {} on a node", counted(layout.ranks_per_node, "rank"),
                           counted(layout.threads, "thread"),
                           counted(layout.ranks_per_node * layout.threads, "core")),
      .expected = fmt::format("at most {}, which nodes of partition {} have", shape.cpus,
                              quoted(shape.partition)),
      .fix = "choose fewer --ranks-per-node or --threads"}
                           .text());
}

Status too_many_nodes(const Layout& layout, const NodeShape& shape) {
  return Status::usage(
      Message{.place = "shardmill submit",
              .found = "--nodes is " + with_separators(layout.nodes),
              .expected = fmt::format("at most {}, which partition {} has",
                                      with_separators(shape.nodes), quoted(shape.partition)),
              .fix = "choose fewer --nodes or another --partition"}
          .text());
}

}  // namespace

std::optional<NodeShape> parse_nodes(std::string_view answer, std::string_view partitions) {
  NodeShape shape;
  for (const std::string_view line : split(answer, '\n')) {
    const std::vector<std::string_view> cells = split(line, '|');
    if (cells.size() != 5) continue;
    std::string_view name = cells[0];
    const bool is_default = name.ends_with('*');
    if (is_default) name.remove_suffix(1);
    if (!is_wanted(name, is_default, partitions)) continue;
    const NodeShape kind = {.partition = std::string(name),
                            .nodes = least(cells[1]),
                            .cpus = least(cells[2]),
                            .sockets = std::max<uint64_t>(least(cells[3]), 1),
                            .seconds_max = seconds_left_of_slurm(cells[4])};
    if (kind.nodes > 0 && kind.cpus > 0) add(kind, shape);
  }
  if (shape.nodes == 0) return std::nullopt;
  return shape;
}

Result<Layout> choose_layout(const LayoutWish& wish, const NodeShape& shape) {
  Layout layout = {.nodes = std::max<uint64_t>(wish.nodes, 1),
                   .ranks_per_node = wish.ranks_per_node,
                   .threads = wish.threads};
  if (layout.ranks_per_node == 0) {
    layout.ranks_per_node = wish.threads > 0 ? std::max<uint64_t>(shape.cpus / wish.threads, 1)
                                             : std::min(shape.sockets, shape.cpus);
  }
  if (layout.threads == 0) {
    layout.threads = std::max<uint64_t>(shape.cpus / layout.ranks_per_node, 1);
  }
  if (layout.ranks_per_node * layout.threads > shape.cpus) return too_many_cores(layout, shape);
  if (layout.nodes > shape.nodes) return too_many_nodes(layout, shape);
  return layout;
}

std::string layout_warning(const Layout& layout, uint64_t units) {
  if (units >= layout.workers()) return {};
  const std::string idle =
      fmt::format("{} of {} have {} to work on, so ", counted(layout.ranks(), "rank"),
                  counted(layout.threads, "thread"), counted(units, "unit"));
  return idle +
         (units < layout.ranks()
              ? counted(layout.ranks() - units, "rank") + " will have nothing to do"
              : counted(layout.workers() - units, "thread") + " will have nothing to do") +
         "; ask for less, or for smaller units (--set input.unit_bytes=16MiB)";
}

}  // namespace shardmill
