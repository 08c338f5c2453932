#include "pipeline/formats/hdf5_walk.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "pipeline/base/glob.h"

namespace shardmill {

namespace {

constexpr size_t kDatasetsMax = 100'000;
constexpr size_t kObjectsMax = 10'000'000;
constexpr size_t kDepthMax = 256;

std::string absolute(const std::string& path) {
  return path.starts_with('/') ? path : "/" + path;
}

/// The text of a fixed-size attribute; "" if there is none such.
std::string short_text(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return {};
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose);
  const Handle space(H5Aget_space(attribute.id()), H5Sclose);
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0) return {};
  const size_t size = H5Tget_size(type.id());
  if (size > 4096 || H5Sget_simple_extent_npoints(space.id()) != 1) return {};
  std::string text(size, '\0');
  if (H5Aread(attribute.id(), type.id(), text.data()) < 0) return {};
  return text.substr(0, text.find('\0'));
}

/// A length that only has a name: netCDF-4 writes a dataset for it.
bool is_bare_dimension(hid_t dataset) {
  return short_text(dataset, "NAME").starts_with("This is a netCDF dimension but not a netCDF");
}

class Walk {
 public:
  explicit Walk(const std::vector<std::string>& patterns)
      : all_(patterns.empty()), patterns_(patterns) {}

  void enter(hid_t group, const std::string& path) {
    Level level = {.walk = this, .path = path};
    hsize_t at = 0;
    if (++depth_ > kDepthMax) {
      problem_ = "groups in groups more than 256 deep";
    } else if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, see_link, &level) < 0 &&
               problem_.empty()) {
      problem_ = "the links of group " + path + "/ cannot be read: " + library_reason();
    }
    --depth_;
  }

  Hdf5Found take() {
    std::sort(found_.begin(), found_.end());
    return {.paths = std::move(found_), .problem = std::move(problem_)};
  }

 private:
  struct Level {
    Walk* walk;
    const std::string& path;
  };

  static herr_t see_link(hid_t group, const char* name, const H5L_info_t* link, void* level) {
    const Level& at = *static_cast<Level*>(level);
    if (link->type == H5L_TYPE_HARD) at.walk->see(group, name, at.path);
    return at.walk->problem_.empty() ? 0 : -1;
  }

  static bool is_hidden(std::string_view name) {
    return name.starts_with("_i_") || name.starts_with('#');
  }

  void see(hid_t group, const char* name, const std::string& above) {
    if (++objects_ > kObjectsMax) {
      problem_ = "more than 10,000,000 objects";
      return;
    }
    H5O_info_t about;
    if (is_hidden(name) ||
        H5Oget_info_by_name2(group, name, &about, H5O_INFO_BASIC, H5P_DEFAULT) < 0) {
      return;
    }
    if (!seen_.emplace(about.fileno, about.addr).second) return;
    const std::string path = above + "/" + name;
    const Handle object(H5Oopen(group, name, H5P_DEFAULT), H5Oclose);
    if (!object.is_ok()) return;
    if (about.type == H5O_TYPE_GROUP) {
      enter(object.id(), path);
    } else if (about.type == H5O_TYPE_DATASET && (all_ || patterns_.matches(path)) &&
               !is_bare_dimension(object.id())) {
      found_.push_back(path);
      if (found_.size() > kDatasetsMax) problem_ = "more than 100,000 datasets that are meant";
    }
  }

  const bool all_;
  const ExcludePatterns patterns_;
  std::set<std::pair<unsigned long, haddr_t>> seen_;
  std::vector<std::string> found_;
  std::string problem_;
  size_t objects_ = 0;
  size_t depth_ = 0;
};

herr_t refuse_file(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) {
  return -1;
}

}  // namespace

Handle hdf5_link_access(bool external) {
  Handle list(H5Pcreate(H5P_LINK_ACCESS), H5Pclose);
  if (!external) H5Pset_elink_cb(list.id(), refuse_file, nullptr);
  return list;
}

Handle open_hdf5_dataset(hid_t file, const std::string& path, const Handle& link_access) {
  Handle object(H5Oopen(file, path.c_str(), link_access.id()), H5Oclose);
  if (!object.is_ok() || H5Iget_type(object.id()) != H5I_DATASET) return {};
  return object;
}

Hdf5Found find_hdf5_datasets(hid_t file, const std::vector<std::string>& wanted) {
  std::vector<std::string> patterns;
  std::vector<std::string> named;
  for (const std::string& path : wanted) {
    if (has_glob(path)) {
      patterns.push_back(path);
    } else {
      named.push_back(absolute(path));
    }
  }
  Hdf5Found found;
  if (wanted.empty() || !patterns.empty()) {
    Walk walk(patterns);
    const Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose);
    walk.enter(root.id(), "");
    found = walk.take();
  }
  found.paths.insert(found.paths.end(), named.begin(), named.end());
  std::sort(found.paths.begin(), found.paths.end());
  found.paths.erase(std::unique(found.paths.begin(), found.paths.end()), found.paths.end());
  return found;
}

}  // namespace shardmill
