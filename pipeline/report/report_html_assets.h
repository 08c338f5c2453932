// Files that the build embeds.
#pragma once

#include <string_view>

namespace shardmill {

std::string_view page_style();    ///< html/*.css
std::string_view page_script();   ///< html/*.js, in the order of their names
std::string_view chart_script();  ///< Chart.js

}  // namespace shardmill
