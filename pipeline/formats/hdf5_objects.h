// What all that calls the HDF5 library shares: identifiers that close themselves, failures as
// Status. The only file that sees hdf5.h; one thread at a time, as the library is built without
// threads.
#pragma once

#include <hdf5.h>

#include <string>

#include "pipeline/base/status.h"

namespace shardmill {

/// An HDF5 identifier that is closed at the end of its scope. A negative one is a failure.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Handle& operator=(Handle&& other) noexcept {
    if (this == &other) return *this;
    reset();
    id_ = other.id_;
    close_ = other.close_;
    other.id_ = -1;
    return *this;
  }
  hid_t id() const { return id_; }
  bool is_ok() const { return id_ >= 0; }

 private:
  void reset() {
    if (id_ >= 0) close_(id_);
    id_ = -1;
  }

  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// What the library says about its last failure: the innermost reason, escaped; "" if nothing.
std::string library_reason();
/// kFailed: `what: <reason>`.
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

}  // namespace shardmill
