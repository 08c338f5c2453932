// The path of a write stage: which of its parts values and numbers decide, and names for values.
//
//   by/{country}/{year}-{part}.csv.gz
//   └┬┘└────────────┬───────────────┘
//  folder        pattern: one name for each combination of values
//
// A value stands in a name as it is, but for what would lead out of the folder or make two values
// look alike:
//
//   /  %  control characters  bytes that are not UTF-8    %2F %25 %0A %FF
//   a dot at its start                                    %2E
//   null, empty text                                      %null, %empty
//   the character after it, if another column follows     {a}-{b}: "x-y" is x%2Dy
//   more bytes than fit into 255                          its start, then %~ and 32 hex digits
//
// So different values have different names (of long ones that start alike, but for a chance of
// 2^-128), case is kept, and no name is ".", ".." or hidden. Immutable; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/message.h"

namespace shardmill {

/// Values of more bytes are known by long_value_key alone, so that memory does not follow the
/// length of values.
inline constexpr size_t kWholeValueBytes = 1024;
/// REQUIRES: more than kWholeValueBytes. A longer text than any that is its own key.
std::string long_value_key(std::string_view value);

class OutputPath {
 public:
  /// Takes `path` apart, which ends with `extension`. With `numbered` the number of a part stands
  /// where `{part}` does, or before the extension. Nothing and `problem` filled in if the path has
  /// braces that mean nothing, or names that could not be told apart.
  static std::optional<OutputPath> parse(std::string_view path, std::string_view extension,
                                         bool numbered, Message& problem);

  /// As they stand in the path; one may stand there twice.
  const std::vector<std::string>& columns() const { return columns_; }
  /// Without columns: the whole path with a kPartMark. With columns: the folders before the first
  /// name that a column or the number of a part stands in.
  const std::string& folder() const { return folder_; }
  /// With columns: the rest, columns in braces, "." and empty parts left out.
  const std::string& pattern() const { return pattern_; }
  /// The path below the folder for values of columns(), nullopt for null. A value of more than
  /// kWholeValueBytes is a long_value_key. REQUIRES: as many values as columns.
  std::string name(std::span<const std::optional<std::string>> values) const;

 private:
  enum class Kind { kText, kColumn, kPart };
  struct Piece {
    Kind kind = Kind::kText;
    std::string text;         ///< kText: itself; kColumn: the column's name
    char separator = 0;       ///< kColumn: also escaped; 0 is always
    size_t most_bytes = 255;  ///< kColumn: of the escaped value
  };
  using Pieces = std::vector<Piece>;

  static bool split(std::string_view path, bool numbered, Pieces& pieces, Message& problem);
  static std::vector<Pieces> split_names(const Pieces& all);
  void append_name_of_path(const Pieces& name, bool has_columns);
  static bool limit_name(std::string_view path, Pieces& name, Message& problem);

  std::vector<std::string> columns_;
  std::string folder_;
  std::string pattern_;
  Pieces pieces_;  ///< of the pattern
};

}  // namespace shardmill
