#include "pipeline/report/report_html_rows.h"

#include <fmt/format.h>

#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html_text.h"

namespace shardmill {

void PageRows::add(const std::vector<std::string>& values) {
  if (is_full()) return;
  std::string row = script_json(json_array(values));
  is_full_ = row.size() > bytes_left_;
  if (is_full_) return;
  bytes_left_ -= row.size();
  rows_.push_back(std::move(row));
}

std::string PageRows::str() const {
  return json_lines(rows_, 0);
}

std::string page_number(double value) {
  const bool is_finite = value - value == 0;
  return is_finite ? fmt::format("{:.6g}", value) : "null";
}

}  // namespace shardmill
