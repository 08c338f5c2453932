#include "pipeline/report/results_h5_objects.h"

#include <fmt/format.h>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/hdf5_text.h"

namespace shardmill {

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

Status set_text(hid_t object, const char* name, std::string_view value) {
  const Handle type = text_type();
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(object, name, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  const std::string text = storable_text(value);
  const char* pointer = text.c_str();
  if (!attribute.is_ok() || H5Awrite(attribute.id(), type.id(), &pointer) < 0) {
    return library_failure(fmt::format("cannot write attribute \"{}\"", name));
  }
  return {};
}

Status set_texts(hid_t object, const char* name, const std::vector<std::string>& values) {
  const Handle type = text_type();
  const Handle space = row_space(values.size());
  const Handle attribute(H5Acreate2(object, name, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  if (!attribute.is_ok() ||
      (!pointers.empty() && H5Awrite(attribute.id(), type.id(), pointers.data()) < 0)) {
    return library_failure(fmt::format("cannot write attribute \"{}\"", name));
  }
  return {};
}

Status set_integer(hid_t object, const char* name, uint64_t value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(
      H5Acreate2(object, name, H5T_STD_I64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const int64_t number = static_cast<int64_t>(value);
  if (!attribute.is_ok() || H5Awrite(attribute.id(), H5T_NATIVE_INT64, &number) < 0) {
    return library_failure(fmt::format("cannot write attribute \"{}\"", name));
  }
  return {};
}

Result<Handle> make_group(hid_t parent, const std::string& name) {
  const Handle plist(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(plist.id(), false);
  Handle group(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, plist.id(), H5P_DEFAULT), H5Gclose);
  if (!group.is_ok()) return library_failure("cannot make group " + quoted(name));
  return group;
}

std::mutex& hdf5_library() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace shardmill
