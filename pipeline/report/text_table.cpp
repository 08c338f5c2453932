#include "pipeline/report/text_table.h"

#include <algorithm>
#include <numeric>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr size_t kIndent = 2;
constexpr size_t kGap = 2;
constexpr size_t kSmallestShrunk = 12;

bool starts_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

/// Bytes of the first `count` code points.
size_t bytes_of(std::string_view text, size_t count) {
  size_t at = 0;
  while (at < text.size()) {
    if (starts_code_point(text[at]) && count-- == 0) break;
    ++at;
  }
  return at;
}

size_t total(const std::vector<size_t>& widths) {
  const size_t gaps = widths.empty() ? 0 : (widths.size() - 1) * kGap;
  return kIndent + gaps + std::accumulate(widths.begin(), widths.end(), size_t{0});
}

std::string padded(const std::string& text, size_t width, bool right) {
  const size_t taken = code_points(text);
  const std::string blanks(width > taken ? width - taken : 0, ' ');
  return right ? blanks + text : text + blanks;
}

std::string tinted(const std::string& text, Tint tint, const Paint& paint) {
  switch (tint) {
    case Tint::kNone:
      return text;
    case Tint::kDim:
      return paint.dim(text);
    case Tint::kRed:
      return paint.red(text);
    case Tint::kGreen:
      return paint.green(text);
    case Tint::kCyan:
      return paint.cyan(text);
  }
  return text;
}

}  // namespace

std::string Paint::with(std::string_view code, std::string_view text) const {
  if (!on || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string cut_end(std::string_view text, size_t width) {
  if (code_points(text) <= width) return std::string(text);
  if (width == 0) return {};
  return std::string(text.substr(0, bytes_of(text, width - 1))) + "…";
}

std::string cut_start(std::string_view text, size_t width) {
  const size_t length = code_points(text);
  if (length <= width) return std::string(text);
  if (width == 0) return {};
  return "…" + std::string(text.substr(bytes_of(text, length - (width - 1))));
}

std::string wrapped(std::string_view text, size_t indent, size_t width) {
  const size_t room = width > indent ? width - indent : 1;
  const std::string margin(indent, ' ');
  std::string out;
  std::string line;
  while (!text.empty()) {
    const size_t blank = std::min(text.find(' '), text.size());
    const std::string word = cut_end(text.substr(0, blank), room);
    text.remove_prefix(std::min(blank + 1, text.size()));
    if (!line.empty() && code_points(line) + 1 + code_points(word) > room) {
      out += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + margin + line + "\n";
}

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string bar(double share, size_t width) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double bounded = std::min(1.0, std::max(0.0, share));
  size_t eighths = static_cast<size_t>(bounded * static_cast<double>(width * 8) + 0.5);
  if (eighths == 0 && share > 0) eighths = 1;  // something is never shown as nothing
  return repeated("█", eighths / 8) + kEighths[eighths % 8];
}

std::vector<size_t> TextTable::widths() const {
  std::vector<size_t> widths(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    widths[i] = code_points(columns_[i].title);
    for (const std::vector<std::string>& row : rows_) {
      SHARDMILL_CHECK(row.size() == columns_.size());
      widths[i] = std::max(widths[i], code_points(row[i]));
    }
  }
  return widths;
}

void TextTable::shrink(std::vector<size_t>& widths, size_t most) const {
  while (total(widths) > most) {
    size_t widest = columns_.size();
    for (size_t i = 0; i < widths.size(); ++i) {
      if (!columns_[i].may_shrink || widths[i] <= kSmallestShrunk) continue;
      if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == columns_.size()) return;
    const size_t excess = total(widths) - most;
    // One step at a time once columns are equally wide would be fair; a quarter is near enough.
    const size_t step = std::max<size_t>(1, std::min(excess, widths[widest] / 4));
    widths[widest] = std::max(kSmallestShrunk, widths[widest] - step);
  }
}

std::string TextTable::row_text(const std::vector<std::string>& cells,
                                const std::vector<size_t>& widths, const Paint& paint) const {
  size_t last = widths.size();
  while (last > 0 && cells[last - 1].empty()) --last;
  std::string line(kIndent, ' ');
  for (size_t i = 0; i < last; ++i) {
    const TextColumn& column = columns_[i];
    const std::string cut =
        column.cut_front ? cut_start(cells[i], widths[i]) : cut_end(cells[i], widths[i]);
    const bool is_last = i + 1 == last;
    const std::string cell = is_last && !column.right ? cut : padded(cut, widths[i], column.right);
    line += tinted(cell, column.tint, paint);
    if (!is_last) line += std::string(kGap, ' ');
  }
  return line + "\n";
}

std::string TextTable::heading(const std::vector<size_t>& widths, const Paint& paint) const {
  std::string titles(kIndent, ' ');
  std::string lines(kIndent, ' ');
  for (size_t i = 0; i < widths.size(); ++i) {
    const bool is_last = i + 1 == widths.size();
    const std::string title = cut_end(columns_[i].title, widths[i]);
    const bool pads = !is_last || columns_[i].right;
    titles += pads ? padded(title, widths[i], columns_[i].right) : title;
    lines += repeated(columns_[i].title.empty() ? " " : "─", widths[i]);
    if (is_last) continue;
    titles += std::string(kGap, ' ');
    lines += std::string(kGap, ' ');
  }
  return paint.bold(titles) + "\n" + paint.dim(lines) + "\n";
}

std::string TextTable::str(size_t width, const Paint& paint,
                           std::vector<std::string>* left_out) const {
  std::vector<size_t> fitted = widths();
  shrink(fitted, width);
  while (fitted.size() > 1 && total(fitted) > width) {
    if (left_out != nullptr) {
      left_out->insert(left_out->begin(), columns_[fitted.size() - 1].title);
    }
    fitted.pop_back();
  }
  if (total(fitted) > width && !fitted.empty()) fitted[0] = width - kIndent;
  const bool has_titles = std::any_of(columns_.begin(), columns_.end(),
                                      [](const TextColumn& c) { return !c.title.empty(); });
  std::string out = has_titles ? heading(fitted, paint) : "";
  for (const std::vector<std::string>& row : rows_) out += row_text(row, fitted, paint);
  return out;
}

}  // namespace shardmill
