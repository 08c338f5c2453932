#include "pipeline/report/results_h5_objects.h"

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

herr_t first_description(unsigned, const H5E_error2_t* error, void* text) {
  auto& description = *static_cast<std::string*>(text);
  if (description.empty() && error->desc != nullptr) description = error->desc;
  return 0;
}

}  // namespace

Status library_failure(const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_description, &reason);
  return Status::failed(what + (reason.empty() ? "" : ": " + escaped(reason)));
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

Handle row_space(size_t rows) {
  const hsize_t size = rows;
  return {H5Screate_simple(1, &size, nullptr), H5Sclose};
}

std::string LinkNames::of(std::string_view wanted) {
  std::string name = is_utf8(wanted) ? std::string(wanted) : escaped(wanted);
  for (char& c : name) {
    if (c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '_';
  }
  if (name.empty()) name = "unnamed";
  if (name[0] == '.') name[0] = '_';
  std::string unique = name;
  for (size_t n = 2; !taken_.insert(unique).second; ++n) unique = name + "_" + std::to_string(n);
  return unique;
}

}  // namespace shardmill
