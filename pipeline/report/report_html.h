// report.html: one page that holds everything it needs, style, scripts and data.
//
//   page data     JSON in a <script type="application/json">: report_html_data*.cpp
//   what shows it html/*.css and html/*.js, embedded by the build with Chart.js:
//   report_html_assets.h
//
// Whatever comes from inputs is made visible() on the way into the JSON and only ever becomes text
// nodes in the page. Large runs are cut to what people can look at: the page stays below
// kPageBytesMost, and says what it left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/report/description.h"

namespace shardmill {

inline constexpr size_t kPageBytesMost = 3'000'000;

/// The whole page. Pure.
std::string report_html(const RunDescription& run);

/// What the page shows of a run, as JSON. At most about kPageBytesMost less what the scripts take.
std::string report_page_data(const RunDescription& run);

/// A page around `data` (JSON). `start` is the script's function that shows it ("show_report");
/// `without_scripts` is what readers without scripts see, HTML that stands in a <pre>.
struct PageParts {
  std::string title;
  std::string_view start;
  std::string data;
  std::string without_scripts;
};
std::string html_page(const PageParts& parts);

/// Lines of text as HTML that may stand in a <pre>, visible() and cut after about `bytes_most`.
std::string visible_lines(std::string_view text, size_t bytes_most);

}  // namespace shardmill
