// What an HDF5 file holds, in plain words: said by the process that opens files of others (see
// hdf5_server.h), read by the inputs. Nothing of it is trusted: `decode` checks every size against
// the others, so that what comes out of it can be computed with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// What the values of a leaf are.
enum class Hdf5Kind : uint8_t {
  kInt,
  kUnsigned,
  kFloat,
  kBool,       ///< an enum of FALSE and TRUE, as h5py writes it
  kEnum,       ///< whole numbers with names
  kFixedText,  ///< a string of fixed size
  kBytes,      ///< opaque
  kText,       ///< of any length; always from the library
};

enum class Hdf5Padding : uint8_t { kNulTerminated, kNulPadded, kSpacePadded };

struct Hdf5EnumName {
  int64_t value = 0;
  std::string name;
};

/// One value of an element: the element itself, a member of a compound type, an item of an array.
struct Hdf5Leaf {
  std::string name;  ///< below the dataset: "", "member", "member.item", "3"
  Hdf5Kind kind = Hdf5Kind::kInt;
  bool from_library = false;  ///< only the library can give its values (Hdf5Request::kColumn)
  bool big_endian = false;
  Hdf5Padding padding = Hdf5Padding::kNulTerminated;
  uint64_t offset = 0;              ///< in the element, in bytes
  uint64_t size_bytes = 0;          ///< in the element
  std::vector<Hdf5EnumName> names;  ///< by value
};

enum class Hdf5Layout : uint8_t {
  kNothing,     ///< no element was ever written, or there is none
  kContiguous,  ///< at `address`
  kChunked,     ///< in chunks whose filters we can undo
  kLibrary,     ///< everything else: only the library can give the rows (Hdf5Request::kRows)
};

enum class Hdf5Filter : uint8_t { kDeflate = 1, kShuffle = 2, kFletcher32 = 3 };

struct Hdf5Dataset {
  std::string path;  ///< "/group/name"
  std::vector<uint64_t> dims;
  bool is_empty = false;   ///< it has no space at all (H5S_NULL): nothing but a type
  bool is_matlab = false;  ///< written by MATLAB, whose first dimension is the last one here
  uint64_t element_bytes = 0;
  std::vector<Hdf5Leaf> leaves;
  std::string fill;            ///< one element
  bool fill_is_users = false;  ///< somebody chose it
  Hdf5Layout layout = Hdf5Layout::kNothing;
  uint64_t address = 0;
  std::vector<uint64_t> chunk_dims;
  std::vector<Hdf5Filter> filters;  ///< in the order of writing

  uint64_t rank() const { return dims.size(); }
};

/// One value beside the data.
struct Hdf5Attribute {
  std::string name;                 ///< as it was asked for
  Hdf5Kind kind = Hdf5Kind::kText;  ///< kInt, kUnsigned (in `integer`), kFloat, kBool or kText
  int64_t integer = 0;
  double number = 0;
  std::string text;
};

/// Which file it was, so that its bytes are not taken from another that has its name by now.
struct Hdf5FileId {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  bool operator==(const Hdf5FileId&) const = default;
};

/// A dataset that is meant, but no column can be made of it or of a part of it.
struct Hdf5PassedOver {
  std::string path;
  std::string reason;
  std::string text() const;  ///< `"/path": reason`
};

struct Hdf5Description {
  Hdf5FileId file;
  std::vector<Hdf5Dataset> datasets;  ///< by path bytes, each once
  std::vector<Hdf5Attribute> attributes;
  std::vector<Hdf5PassedOver> passed_over;

  void encode(ByteWriter& writer) const;
  /// Marks the reader failed if the bytes are no description, or one that cannot be.
  static Hdf5Description decode(ByteReader& reader);
};

/// Where the bytes of one chunk are. No bytes: it was never written, its elements are the fill
/// value.
struct Hdf5ChunkPlace {
  uint64_t address = 0;
  uint64_t size_bytes = 0;
  uint32_t filter_mask = 0;  ///< bit i: filter i was left out
};

/// What can be asked for. Each is a frame (u32 length, bytes), answered by a frame that begins with
/// 0 for an answer or 1 for a text that says why there is none.
enum class Hdf5Ask : uint8_t {
  kOpen = 1,    ///< Hdf5Selection -> Hdf5Description
  kChunks = 2,  ///< Hdf5Range -> places of all chunks that hold something of the range
  kRows = 3,    ///< Hdf5Range -> elements, as they are in the file
  kColumn = 4,  ///< Hdf5Range -> 8 bytes for each value (i64, u64, f64), or texts: a u32 that is
                ///< the length + 1, or 0 for no text, then the bytes
  kClose = 5,   ///< no answer
};

struct Hdf5Selection {
  std::string path;
  std::vector<std::string> datasets;    ///< paths or patterns; empty: all
  std::vector<std::string> attributes;  ///< "name" of the file, "dataset.path.name" of a dataset
  bool external = false;                ///< other files may be read on its behalf
  uint64_t memory_bytes = 256ull << 20;
  uint64_t columns_max = 0;

  void encode(ByteWriter& writer) const;
  static Hdf5Selection decode(ByteReader& reader);
};

/// Indices [first, first + count) of the dimension `axis`, all of the others.
struct Hdf5Range {
  uint64_t dataset = 0;
  uint64_t leaf = 0;
  uint64_t axis = 0;
  uint64_t first = 0;
  uint64_t count = 0;

  void encode(ByteWriter& writer) const;
  static Hdf5Range decode(ByteReader& reader);
};

/// The text in a string of fixed size.
std::string_view hdf5_fixed_text(std::string_view bytes, Hdf5Padding padding);

/// a * b, or false if it does not fit.
bool product_fits(uint64_t a, uint64_t b, uint64_t& product);

}  // namespace shardmill
