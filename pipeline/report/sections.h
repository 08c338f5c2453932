// The parts of report.txt, one function each. Pure: the same text for the same description.
#pragma once

#include <string>

#include "pipeline/report/description.h"
#include "pipeline/report/text_table.h"

namespace shardmill {

struct Page {
  size_t width = 100;  ///< columns
  Paint paint;
};

/// Every section ends with a newline and is empty if it has nothing to say.
std::string title_section(const RunDescription& run, const Page& page);
std::string summary_section(const RunDescription& run, const Page& page);
std::string stages_section(const RunDescription& run, const Page& page);
/// Records that stages dropped, for each reason.
std::string dropped_section(const RunDescription& run, const Page& page);
/// Records that stages passed on, if that was asked for.
std::string shown_section(const RunDescription& run, const Page& page);
std::string table_section(const RunDescription& run, const Table& table, const Page& page);
std::string bad_files_section(const RunDescription& run, const Page& page);
std::string bad_records_section(const RunDescription& run, const Page& page);
std::string bad_values_section(const RunDescription& run, const Page& page);
std::string slow_files_section(const RunDescription& run, const Page& page);
std::string ranks_section(const RunDescription& run, const Page& page);
/// How often the run was begun, if more than once.
std::string attempts_section(const RunDescription& run, const Page& page);
std::string outputs_section(const RunDescription& run, const Page& page);

/// Attempts line by line; of many those in the middle are left out.
std::string attempts_table(const std::vector<AttemptResult>& attempts, const Page& page);
/// "stopped: signal USR1", "killed, last heard at 14:03:11". Safe on a terminal.
std::string how_it_ended(const AttemptResult& attempt);

/// A heading with a remark at the right margin.
std::string heading(std::string_view title, std::string_view remark, const Page& page);
/// A remark on a line of its own.
std::string note(const std::string& text, const Page& page);

uint64_t bad_file_count(const RunDescription& run);
uint64_t bad_value_count(const RunDescription& run);

}  // namespace shardmill
