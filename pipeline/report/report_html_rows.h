// Lists of rows for a page, bounded in number and in bytes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace shardmill {

/// A JSON array of arrays. One thread.
class PageRows {
 public:
  explicit PageRows(size_t rows_most, size_t bytes_most = 100'000)
      : rows_most_(rows_most), bytes_left_(bytes_most) {}

  /// `values` are JSON. A row that does not fit fills the list.
  void add(const std::vector<std::string>& values);
  bool is_full() const { return is_full_ || rows_.size() >= rows_most_; }
  std::string str() const;

 private:
  size_t rows_most_;
  size_t bytes_left_;
  bool is_full_ = false;
  std::vector<std::string> rows_;
};

/// A number as JSON, with few digits: what is drawn needs no more.
std::string page_number(double value);

}  // namespace shardmill
