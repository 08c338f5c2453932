#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

enum class Mood { kPlain, kGood, kBad };

/// "  label     value": one line of the summary.
std::string fact(std::string_view label, const std::string& value, const Page& page,
                 Mood mood = Mood::kPlain) {
  const std::string cut = cut_end(value, page.width - 12);
  const std::string painted = mood == Mood::kGood  ? page.paint.green(cut)
                              : mood == Mood::kBad ? page.paint.red(cut)
                                                   : cut;
  return "  " + page.paint.dim(fmt::format("{:<9}", label)) + " " + painted + "\n";
}

/// "1 file, 12 records, 3 values", without what there is none of.
std::string bad_text(const RunDescription& run) {
  std::vector<std::string> parts;
  if (const uint64_t n = bad_file_count(run); n > 0) parts.push_back(counted(n, "file"));
  if (run.bad_records > 0) parts.push_back(counted(run.bad_records, "record"));
  if (const uint64_t n = bad_value_count(run); n > 0) parts.push_back(counted(n, "value"));
  return listed(parts);
}

std::string read_text(const RunDescription& run) {
  const auto is_read = [](const FileResult& file) {
    return file.outcome != "bad" && file.outcome != "not read";
  };
  const auto count = std::count_if(run.files.begin(), run.files.end(), is_read);
  const auto files = static_cast<uint64_t>(count);
  const std::string of = files == run.files.size() ? "" : with_separators(files) + " of ";
  std::string text = of + counted(run.files.size(), "file") + ", " + format_bytes(run.disk_bytes);
  if (run.plain_bytes != run.disk_bytes) {
    text += " (" + format_bytes(run.plain_bytes) + " unpacked)";
  }
  return text + ", " + counted(run.records, "record");
}

std::string speed_text(const RunDescription& run) {
  const double seconds = run.seconds.work;
  const auto rate = [&](uint64_t amount) { return static_cast<double>(amount) / seconds; };
  std::string text = format_rate(rate(run.disk_bytes));
  if (run.plain_bytes != run.disk_bytes) {
    text += " (" + format_rate(rate(run.plain_bytes)) + " unpacked)";
  }
  return text + ", " + with_separators(static_cast<uint64_t>(rate(run.records))) +
         " records/s while at work";
}

/// "2 ranks of 3 threads on n1, 12 units, peak memory 40.0 MiB a rank".
std::string layout_text(const RunDescription& run) {
  std::vector<std::string> hosts;
  unsigned most = 0;
  uint64_t peak = 0;
  for (const RankResult& rank : run.ranks) {
    const std::string host = escaped(rank.host);
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
    most = std::max(most, rank.threads);
    peak = std::max(peak, rank.peak_rss_bytes);
  }
  const std::string where = hosts.size() > 1 ? counted(hosts.size(), "host") : listed(hosts);
  return counted(run.ranks.size(), "rank") + " of " + counted(most, "thread") +
         (where.empty() ? "" : " on " + where) + ", " + counted(run.units, "unit") +
         ", peak memory " + format_bytes(peak) + " a rank" +
         (run.memory_bytes == 0 ? "" : " of " + format_bytes(run.memory_bytes));
}

std::string took_text(const RunSeconds& seconds) {
  return fmt::format("{} (plan {}, work {}, merge and report {})", readable_seconds(seconds.total),
                     readable_seconds(seconds.plan), readable_seconds(seconds.work),
                     readable_seconds(seconds.merge));
}

/// "stopped early: 12 of 64 units, 1.20 GiB of 4.00 GiB (30.0 %); ...".
std::string partial_text(const RunDescription& run) {
  return fmt::format(
      "stopped early: these are {} of {}, {} of {} ({})", with_separators(run.units_done),
      counted(run.units, "unit"), format_bytes(run.disk_bytes), format_bytes(run.bytes_total),
      format_share(static_cast<double>(run.disk_bytes), static_cast<double>(run.bytes_total)));
}

/// "attempt 2, 12 units were done before, 64.0 MiB had to be read again".
std::string resumed_text(const RunDescription& run) {
  return fmt::format("attempt {}, {} done before, {} read again", run.attempt,
                     counted(run.units_before, "unit"), format_bytes(run.bytes_done_again));
}

}  // namespace

std::string heading(std::string_view title, std::string_view remark, const Page& page) {
  const std::string left =
      cut_end(title, page.width - std::min(page.width, code_points(remark) + 2));
  const size_t taken = code_points(left) + code_points(remark);
  const std::string blanks(page.width > taken && !remark.empty() ? page.width - taken : 0, ' ');
  return page.paint.bold(left) + blanks + page.paint.dim(remark) + "\n";
}

std::string note(const std::string& text, const Page& page) {
  return "  " + page.paint.dim(cut_end(text, page.width - 2)) + "\n";
}

uint64_t bad_file_count(const RunDescription& run) {
  return static_cast<uint64_t>(std::count_if(run.files.begin(), run.files.end(), is_bad_file));
}

uint64_t bad_value_count(const RunDescription& run) {
  uint64_t count = 0;
  for (const BadValueCount& bad : run.bad_values) count += bad.count;
  return count;
}

std::string title_section(const RunDescription& run, const Page& page) {
  const std::string name = run.job_name.empty() ? "shardmill" : escaped(run.job_name);
  return heading(name, "shardmill " + escaped(run.version), page) +
         page.paint.dim(repeated("─", page.width)) + "\n";
}

std::string summary_section(const RunDescription& run, const Page& page) {
  std::string out;
  if (!run.stopped_by.empty()) {
    out += fact("PARTIAL", partial_text(run), page, Mood::kBad);
  }
  out += fact("read", read_text(run), page);
  if (const std::string bad = bad_text(run); !bad.empty()) {
    out += fact("bad", bad, page, Mood::kBad);
  }
  if (run.attempt > 1) out += fact("resumed", resumed_text(run), page);
  for (const std::string& note : run.checkpoint_notes) {
    out += fact("resumed", escaped(note), page, Mood::kBad);
  }
  out += fact("took", took_text(run.seconds), page);
  if (run.seconds.work > 0) out += fact("speed", speed_text(run), page);
  if (!run.ranks.empty()) out += fact("ran as", layout_text(run), page);
  for (const std::string& problem : run.books_problems) {
    out += fact("books", escaped(problem), page, Mood::kBad);
  }
  if (!run.books_problems.empty()) return out;
  return out + fact("books", "balance: read = passed on + dropped + rejected, in every stage", page,
                    Mood::kGood);
}

}  // namespace shardmill
