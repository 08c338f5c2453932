// The leaves of an HDF5 type: the single values that an element of it is made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/formats/hdf5_description.h"
#include "pipeline/formats/hdf5_objects.h"

namespace shardmill {

/// How the library gets to a leaf: through members of compound types and items of arrays.
struct Hdf5Step {
  bool is_item = false;
  uint64_t index = 0;  ///< of the member or item
};

struct Hdf5LeafPath {
  std::vector<Hdf5Step> steps;
};

struct Hdf5Leaves {
  std::vector<Hdf5Leaf> leaves;
  std::vector<Hdf5LeafPath> paths;  ///< of the same leaf
  std::string passed_over;          ///< not empty: what is in it that no column can be made of
  bool has_pointers =
      false;  ///< texts of any length and the like: in memory other than in the file
};

/// At most `most` leaves; more are an error, said in `passed_over` with no leaf.
Hdf5Leaves hdf5_leaves(hid_t type, uint64_t most);

/// A type in memory that holds the leaf and nothing else besides what is around it, and where the
/// leaf is in it.
struct Hdf5MemoryLeaf {
  Handle type;
  uint64_t offset = 0;
};

/// The type without what has pointers, the rest at the same places; not ok if nothing is left.
Handle hdf5_type_without_pointers(hid_t type);

/// What the values of a leaf are in memory.
enum class Hdf5Memory : uint8_t { kInt64, kUint64, kDouble, kText, kSequence, kReference };

/// Not ok if the library fails.
Hdf5MemoryLeaf hdf5_memory_leaf(hid_t type, const Hdf5LeafPath& path);
/// REQUIRES: the leaf's `from_library`.
Hdf5Memory hdf5_memory_kind(hid_t type, const Hdf5LeafPath& path);
/// The kind of the items of a sequence (kSequence).
Hdf5Memory hdf5_item_kind(hid_t type, const Hdf5LeafPath& path);

}  // namespace shardmill
