#include "pipeline/formats/hdf5_objects.h"

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

herr_t first_description(unsigned, const H5E_error2_t* error, void* text) {
  auto& description = *static_cast<std::string*>(text);
  if (description.empty() && error->desc != nullptr) description = error->desc;
  return 0;
}

}  // namespace

std::string library_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_description, &reason);
  return escaped(reason);
}

Status library_failure(const std::string& what) {
  const std::string reason = library_reason();
  return Status::failed(what + (reason.empty() ? "" : ": " + reason));
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), H5T_VARIABLE);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return type;
}

Handle bool_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const int8_t no = 0;
  const int8_t yes = 1;
  H5Tenum_insert(type.id(), "FALSE", &no);
  H5Tenum_insert(type.id(), "TRUE", &yes);
  return type;
}

}  // namespace shardmill
