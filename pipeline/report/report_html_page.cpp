#include <algorithm>

#include "pipeline/report/report_html.h"
#include "pipeline/report/report_html_assets.h"
#include "pipeline/report/report_html_text.h"

namespace shardmill {

namespace {

constexpr size_t kTextWithoutScripts = 100'000;  ///< bytes
constexpr size_t kLineWithoutScripts = 400;      ///< code points

/// Nothing is fetched, whatever may have slipped into the page.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

/// The theme is chosen before anything is drawn.
constexpr std::string_view kChooseTheme =
    "try{const t=localStorage.getItem('shardmill-theme');"
    "if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch(e){}";

std::string element(std::string_view tag, std::string_view attributes, std::string_view content) {
  std::string out = "<" + std::string(tag);
  if (!attributes.empty()) out += " " + std::string(attributes);
  return out + ">" + std::string(content) + "</" + std::string(tag) + ">\n";
}

}  // namespace

std::string visible_lines(std::string_view text, size_t bytes_most) {
  std::string out;
  while (!text.empty()) {
    if (out.size() > bytes_most) return out + "...\n";
    const size_t end = std::min(text.find('\n'), text.size());
    out += html_escaped(visible(text.substr(0, end), kLineWithoutScripts)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string html_page(const PageParts& parts) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta http-equiv=\"Content-Security-Policy\" content=\"" + std::string(kPolicy) + "\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\">\n";
  out += "<link rel=\"icon\" href=\"data:,\">\n";
  out += element("title", "", html_escaped(parts.title));
  out += element("script", "", kChooseTheme);
  out += element("style", "", page_style());
  out += "</head>\n<body>\n<div id=\"page\"></div>\n";
  out += element("noscript", "", "<pre>" + parts.without_scripts + "</pre>");
  out += element("script", "type=\"application/json\" id=\"data\"", script_json(parts.data));
  out += element("script", "", chart_script());
  out += element("script", "", page_script());
  out += element("script", "", std::string(parts.start) + "();");
  return out + "</body>\n</html>\n";
}

std::string report_html(const RunDescription& run) {
  std::string text =
      visible_lines(report_text(run, {.colour = false, .width = 100}), kTextWithoutScripts);
  const std::string name = run.job_name.empty() ? "shardmill" : visible(run.job_name, 200);
  return html_page({.title = name + " - shardmill",
                    .start = "show_report",
                    .data = report_page_data(run),
                    .without_scripts = std::move(text)});
}

}  // namespace shardmill
