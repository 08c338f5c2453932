// What the writers and readers of the HDF5 files of a run share.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/formats/hdf5_objects.h"

namespace shardmill {

/// One dimension.
Handle row_space(size_t rows);

inline constexpr const char* kTimeUnit = "nanoseconds since 1970-01-01T00:00:00Z";

/// Attributes.
Status set_text(hid_t object, const char* name, std::string_view value);
Status set_texts(hid_t object, const char* name, const std::vector<std::string>& values);
Status set_integer(hid_t object, const char* name, uint64_t value);

/// Without times, so that the bytes repeat.
Result<Handle> make_group(hid_t parent, const std::string& name);

/// Whoever calls the library holds this: it knows no threads.
std::mutex& hdf5_library();

/// Names for links: no slash, no control character, not "." or "..", each once.
class LinkNames {
 public:
  void reserve(const std::string& name) { taken_.insert(name); }
  std::string of(std::string_view wanted);

 private:
  std::set<std::string> taken_;
};

}  // namespace shardmill
