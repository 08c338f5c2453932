#include "pipeline/report/report_html_how.h"

#include <algorithm>
#include <set>

#include "pipeline/base/text.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html_rows.h"
#include "pipeline/report/report_html_text.h"
#include "pipeline/report/report_html_time.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

constexpr size_t kRanksShown = 256;
constexpr size_t kGroups = 128;
constexpr size_t kHostsShown = 8;
constexpr size_t kNameWidth = 100;
constexpr size_t kReasonWidth = 300;
constexpr size_t kAttemptsShown = 200;

std::string layout_json(const RunDescription& run) {
  std::set<std::string> hosts;
  unsigned threads = 0;
  uint64_t workers = 0;
  uint64_t peak = 0;
  for (const RankResult& rank : run.ranks) {
    hosts.insert(rank.host);
    threads = std::max(threads, rank.threads);
    workers += rank.threads;
    peak = std::max(peak, rank.peak_rss_bytes);
  }
  std::vector<std::string> names;
  for (const std::string& host : hosts) {
    if (names.size() < kHostsShown) names.push_back(json_text(visible(host, kNameWidth)));
  }
  return JsonObject()
      .integer("ranks", run.ranks.size())
      .integer("threads", threads)
      .integer("workers", workers)
      .integer("host_count", hosts.size())
      .json("hosts", json_array(names))
      .integer("peak_rss_bytes", peak)
      .integer("memory_bytes", run.memory_bytes)
      .str();
}

double busy_share(const RunDescription& run, const RankResult& rank) {
  const double available = run.seconds.work * rank.threads;
  return available > 0 ? rank.busy_seconds / available : 0;
}

/// All ranks, or the least and the most busy ones, in the order of their numbers.
std::vector<size_t> ranks_to_show(const RunDescription& run) {
  std::vector<size_t> order(run.ranks.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (order.size() <= kRanksShown) return order;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return busy_share(run, run.ranks[a]) < busy_share(run, run.ranks[b]);
  });
  order.erase(order.begin() + kRanksShown / 2, order.end() - kRanksShown / 2);
  std::sort(order.begin(), order.end());
  return order;
}

std::string ranks_json(const RunDescription& run) {
  PageRows rows(kRanksShown);
  for (const size_t number : ranks_to_show(run)) {
    const RankResult& rank = run.ranks[number];
    rows.add({std::to_string(number), json_text(visible(rank.host, kNameWidth)),
              std::to_string(rank.units), std::to_string(rank.disk_bytes),
              std::to_string(rank.records), page_number(busy_share(run, rank)),
              std::to_string(rank.peak_rss_bytes)});
  }
  return rows.str();
}

/// Neighbours in groups of equal size: first and last rank, and the least, mean and greatest share
/// of time at work.
std::string balance_json(const RunDescription& run) {
  const size_t count = run.ranks.size();
  const size_t groups = std::min(count, kGroups);
  PageRows rows(kGroups);
  for (size_t group = 0; group < groups; ++group) {
    const size_t first = count * group / groups;
    const size_t end = count * (group + 1) / groups;
    double least = busy_share(run, run.ranks[first]);
    double most = least;
    double sum = 0;
    for (size_t i = first; i < end; ++i) {
      const double share = busy_share(run, run.ranks[i]);
      least = std::min(least, share);
      most = std::max(most, share);
      sum += share;
    }
    rows.add({std::to_string(first), std::to_string(end - 1), page_number(least),
              page_number(sum / static_cast<double>(end - first)), page_number(most)});
  }
  return rows.str();
}

/// Seconds of all workers: a row for each thing that they did, with the number of the stage or
/// null.
std::string spent_json(const RunDescription& run) {
  constexpr size_t kStagesShown = 100;
  const WorkSeconds spent = work_seconds(run.ranks);
  PageRows rows(kStagesShown + 6);
  rows.add({"\"reading\"", "null", page_number(spent.reading)});
  rows.add({"\"unpacking\"", "null", page_number(spent.unpacking)});
  rows.add({"\"parsing\"", "null", page_number(spent.parsing)});
  for (size_t i = 0; i < std::min(spent.stages.size(), kStagesShown); ++i) {
    rows.add({"\"computing\"", std::to_string(i), page_number(spent.stages[i])});
  }
  rows.add({"\"committing\"", "null", page_number(spent.committing)});
  rows.add({"\"writing\"", "null", page_number(spent.writing)});
  rows.add({"\"waiting\"", "null", page_number(spent.waiting)});
  return rows.str();
}

/// Of the last ones.
std::string attempts_json(const RunDescription& run) {
  PageRows rows(kAttemptsShown);
  const size_t count = run.attempts.size();
  for (size_t i = count - std::min(count, kAttemptsShown); i < count; ++i) {
    const AttemptResult& attempt = run.attempts[i];
    std::vector<std::string> hosts;
    for (const std::string& host : attempt.hosts) hosts.push_back(visible(host, kNameWidth));
    rows.add({std::to_string(attempt.number), json_text(visible(attempt.begun, kNameWidth)),
              json_text(visible(attempt.ended, kNameWidth)), std::to_string(attempt.ranks),
              std::to_string(attempt.threads), std::to_string(attempt.host_count),
              json_text(listed(hosts)), json_text(visible(attempt.slurm_job, kNameWidth)),
              std::to_string(attempt.units),
              json_text(visible(how_it_ended(attempt), kReasonWidth))});
  }
  return rows.str();
}

}  // namespace

std::string page_how_it_ran(const RunDescription& run) {
  return JsonObject()
      .json("layout", layout_json(run))
      .json("attempts", attempts_json(run))
      .json("ranks", ranks_json(run))
      .json("balance", balance_json(run))
      .json("spent", spent_json(run))
      .json("timeline", page_timeline(run))
      .str();
}

}  // namespace shardmill
