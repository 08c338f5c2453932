// Aligned columns of text for people, fitted to a width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// Colours for a terminal, or none. Widths are measured before painting.
struct Paint {
  bool on = false;

  std::string bold(std::string_view text) const { return with("1", text); }
  std::string dim(std::string_view text) const { return with("2", text); }
  std::string red(std::string_view text) const { return with("31", text); }
  std::string green(std::string_view text) const { return with("32", text); }
  std::string cyan(std::string_view text) const { return with("36", text); }

 private:
  std::string with(std::string_view code, std::string_view text) const;
};

/// At most `width` code points of `text`, the rest replaced by "…" at the end, or at the start
/// (paths, whose end tells more).
std::string cut_end(std::string_view text, size_t width);
std::string cut_start(std::string_view text, size_t width);

/// `text` on as many lines as it needs, each `indent` blanks in and at most `width` code points
/// long, broken at blanks; words that are longer than a line are cut. Ends with a newline.
std::string wrapped(std::string_view text, size_t indent, size_t width);

/// `text` repeated `count` times.
std::string repeated(std::string_view text, size_t count);

/// A bar of at most `width` cells whose length is `share` (0 to 1) of them, in eighths.
std::string bar(double share, size_t width);

enum class Tint : uint8_t { kNone, kDim, kRed, kGreen, kCyan };

struct TextColumn {
  std::string title = {};
  bool right = false;       ///< numbers
  bool cut_front = false;   ///< too long texts lose their start
  bool may_shrink = false;  ///< gives way when the table is too wide
  Tint tint = Tint::kNone;
};

/// Rows of cells. Cells hold printable text (escaped by the caller).
class TextTable {
 public:
  explicit TextTable(std::vector<TextColumn> columns) : columns_(std::move(columns)) {}

  /// REQUIRES: one cell for each column.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  /// The table, two spaces in, no line longer than `width`: first the columns that may shrink give
  /// way (not below 12), then the last columns are left out. `left_out` gets the titles of those.
  /// Titles and the line below them are left out if no column has one.
  std::string str(size_t width, const Paint& paint,
                  std::vector<std::string>* left_out = nullptr) const;

 private:
  std::vector<size_t> widths() const;
  std::string row_text(const std::vector<std::string>& cells, const std::vector<size_t>& widths,
                       const Paint& paint) const;
  std::string heading(const std::vector<size_t>& widths, const Paint& paint) const;
  void shrink(std::vector<size_t>& widths, size_t most) const;

  std::vector<TextColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace shardmill
