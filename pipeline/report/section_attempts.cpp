#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

constexpr size_t kAllShown = 12;
constexpr size_t kFirstShown = 3;
constexpr size_t kLastShown = 8;
constexpr size_t kHostsShown = 2;

/// Of "2026-03-01T14:03:11Z"; "-" if it is no such text.
std::string piece_of(std::string_view utc, size_t begin, size_t length) {
  return utc.size() < begin + length ? std::string("-") : printable(utc.substr(begin, length));
}

std::string date_of(std::string_view utc) {
  return piece_of(utc, 0, 10);
}

/// "2026-03-01 14:03".
std::string begin_text(const AttemptResult& attempt) {
  return date_of(attempt.begun) + " " + piece_of(attempt.begun, 11, 5);
}

/// "14:03:11", or "03-02 04:10" on another day.
std::string moment_text(const std::string& utc, const AttemptResult& attempt) {
  if (utc.empty() || date_of(utc) == date_of(attempt.begun)) return piece_of(utc, 11, 8);
  return piece_of(utc, 5, 5) + " " + piece_of(utc, 11, 5);
}

/// "6 x 2 on n1, n2 and 1 more".
std::string layout_text(const AttemptResult& attempt) {
  if (attempt.ranks == 0) return "-";
  std::vector<std::string> hosts;
  for (size_t i = 0; i < std::min(attempt.hosts.size(), kHostsShown); ++i) {
    hosts.push_back(printable(attempt.hosts[i]));
  }
  std::string text = fmt::format("{} x {} on {}", attempt.ranks, attempt.threads, listed(hosts));
  const uint64_t more = attempt.host_count - std::min<uint64_t>(attempt.host_count, hosts.size());
  return text + (more == 0 ? "" : fmt::format(" + {}", with_separators(more)));
}

}  // namespace

std::string how_it_ended(const AttemptResult& attempt) {
  if (attempt.how == "killed") {
    const bool heard = !attempt.last_sign.empty();
    return heard ? "killed, last heard at " + moment_text(attempt.last_sign, attempt)
                 : "killed without a word";
  }
  if (attempt.how == "memory") return "out of memory";
  if (attempt.how.empty()) return "-";
  return printable(attempt.how) + (attempt.reason.empty() ? "" : ": " + printable(attempt.reason));
}

std::string attempts_table(const std::vector<AttemptResult>& attempts, const Page& page) {
  const bool in_slurm = std::any_of(attempts.begin(), attempts.end(),
                                    [](const AttemptResult& a) { return !a.slurm_job.empty(); });
  std::vector<TextColumn> columns = {{.title = "", .right = true},
                                     {.title = "begun (UTC)"},
                                     {.title = "ended"},
                                     {.title = "ranks x threads", .may_shrink = true}};
  if (in_slurm) columns.push_back({.title = "job", .right = true});
  columns.push_back({.title = "units", .right = true});
  columns.push_back({.title = "how it ended", .may_shrink = true});
  TextTable table(std::move(columns));
  for (size_t i = 0; i < attempts.size(); ++i) {
    const bool is_long = attempts.size() > kAllShown;
    if (is_long && i >= kFirstShown && i + kLastShown < attempts.size()) continue;
    const AttemptResult& attempt = attempts[i];
    std::vector<std::string> cells = {std::to_string(attempt.number), begin_text(attempt),
                                      moment_text(attempt.ended, attempt), layout_text(attempt)};
    if (in_slurm) cells.push_back(printable(attempt.slurm_job));
    cells.push_back(with_separators(attempt.units));
    cells.push_back(how_it_ended(attempt));
    table.add(std::move(cells));
  }
  return table.str(page.width, page.paint);
}

std::string attempts_section(const RunDescription& run, const Page& page) {
  if (run.attempts.size() < 2) return {};
  const bool is_long = run.attempts.size() > kAllShown;
  const std::string remark = is_long ? "the first and the last ones" : "";
  return heading(counted(run.attempt, "attempt"), remark, page) +
         attempts_table(run.attempts, page);
}

}  // namespace shardmill
