// What the writers and readers of HDF5 files share. The only file that sees hdf5.h; one thread at
// a time, as the library is built without threads.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"

namespace shardmill {

/// An HDF5 identifier that is closed at the end of its scope. A negative one is a failure.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t id() const { return id_; }
  bool is_ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  Close close_;
};

/// What the library says about its last failure: the innermost reason.
Status library_failure(const std::string& what);

/// Keeps the library from printing; puts its printer back at the end.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// Texts of any length in UTF-8.
Handle text_type();
/// What h5py reads as bool.
Handle bool_type();
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
