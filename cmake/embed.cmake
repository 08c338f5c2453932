# Writes OUT, a C++ file with a function for each of the files: cmake -DOUT=... -DSTYLE=a;b -DSCRIPT=c;d -DCHART=e -P embed.cmake
function(read_all variable)
  set(all "")
  foreach(path IN LISTS ARGN)
    file(READ ${path} text)
    string(APPEND all "${text}\n")
  endforeach()
  # The end of a <script> or <style> would end the element that holds it.
  string(FIND "${all}" "</s" at)
  string(FIND "${all}" ")embedded\"" end)
  if(NOT at EQUAL -1 OR NOT end EQUAL -1)
    message(FATAL_ERROR "embed.cmake: \"</s\" or the end of a raw string in ${ARGN}, expected none")
  endif()
  set(${variable} "${all}" PARENT_SCOPE)
endfunction()

read_all(style ${STYLE})
read_all(script ${SCRIPT})
read_all(chart ${CHART})
string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" chart "${chart}")
file(WRITE ${OUT} "// Made by cmake/embed.cmake.
#include \"pipeline/report/report_html_assets.h\"

namespace shardmill {

std::string_view page_style() {
  return R\"embedded(${style})embedded\";
}

std::string_view page_script() {
  return R\"embedded(${script})embedded\";
}

std::string_view chart_script() {
  return R\"embedded(${chart})embedded\";
}

}  // namespace shardmill
")
