#include "pipeline/formats/hdf5_driver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

namespace shardmill {

namespace {

/// Begins with what the library knows of every file.
struct DriverFile {
  H5FD_t shared = {};
  int descriptor = -1;
  haddr_t end_of_address = 0;
  haddr_t end_of_file = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
  Hdf5DriverState* state = nullptr;

  ~DriverFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

/// What travels in an access list.
struct DriverInfo {
  Hdf5DriverState* state = nullptr;
};

DriverFile& file_of(H5FD_t* file) {
  return *reinterpret_cast<DriverFile*>(file);
}
const DriverFile& file_of(const H5FD_t* file) {
  return *reinterpret_cast<const DriverFile*>(file);
}

DriverInfo* copied(const DriverInfo& info) {
  auto* const copy = static_cast<DriverInfo*>(std::malloc(sizeof(DriverInfo)));
  if (copy != nullptr) *copy = info;
  return copy;
}

void* copy_info(const void* info) {
  return copied(*static_cast<const DriverInfo*>(info));
}

/// Files that external links lead to are opened like the one that they are in.
void* info_of(H5FD_t* file) {
  return copied({.state = file_of(file).state});
}

herr_t free_info(void* info) {
  std::free(info);
  return 0;
}

H5FD_t* open_file_for_library(const char* name, unsigned flags, hid_t access, haddr_t) {
  if ((flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT)) != 0) return nullptr;
  const auto* const info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  auto file = std::make_unique<DriverFile>();
  file->state = info->state;
  file->descriptor = ::open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat about = {};
  if (file->descriptor < 0 || ::fstat(file->descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
    return nullptr;
  }
  file->end_of_file = static_cast<haddr_t>(about.st_size);
  file->device = file->state->device = static_cast<uint64_t>(about.st_dev);
  file->inode = file->state->inode = static_cast<uint64_t>(about.st_ino);
  file->state->size_bytes = file->end_of_file;
  return &file.release()->shared;
}

herr_t close_file(H5FD_t* file) {
  delete &file_of(file);
  return 0;
}

int compare_files(const H5FD_t* a, const H5FD_t* b) {
  const DriverFile& one = file_of(a);
  const DriverFile& other = file_of(b);
  if (one.device != other.device) return one.device < other.device ? -1 : 1;
  if (one.inode != other.inode) return one.inode < other.inode ? -1 : 1;
  return 0;
}

herr_t query_features(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_ACCUMULATE_METADATA_READ | H5FD_FEAT_DATA_SIEVE;
  return 0;
}

haddr_t end_of_address(const H5FD_t* file, H5FD_mem_t) {
  return file_of(file).end_of_address;
}

herr_t set_end_of_address(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  file_of(file).end_of_address = address;
  return 0;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) {
  return file_of(file).end_of_file;
}

/// Behind the end of the file there are zeros, as the library's own drivers have it.
herr_t read_bytes(const DriverFile& file, haddr_t address, size_t size, char* buffer) {
  while (size > 0) {
    const ssize_t read = ::pread(file.descriptor, buffer, size, static_cast<off_t>(address));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return -1;
    if (read == 0) {
      std::memset(buffer, 0, size);
      return 0;
    }
    buffer += read;
    address += static_cast<haddr_t>(read);
    size -= static_cast<size_t>(read);
  }
  return 0;
}

herr_t read_or_look(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, size_t size,
                    void* buffer) {
  const DriverFile& ours = file_of(file);
  constexpr auto kFarthest = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
  if (address > kFarthest || size > kFarthest - address) return -1;
  if (ours.state->only_look && type == H5FD_MEM_DRAW) {
    ours.state->seen = {.address = address, .size_bytes = size};
    return 0;
  }
  return read_bytes(ours, address, size, static_cast<char*>(buffer));
}

herr_t refuse_to_write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, size_t, const void*) {
  return -1;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver = {};
  driver.name = "shardmill_read";
  driver.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(DriverInfo);
  driver.fapl_get = info_of;
  driver.fapl_copy = copy_info;
  driver.fapl_free = free_info;
  driver.open = open_file_for_library;
  driver.close = close_file;
  driver.cmp = compare_files;
  driver.query = query_features;
  driver.get_eoa = end_of_address;
  driver.set_eoa = set_end_of_address;
  driver.get_eof = end_of_file;
  driver.read = read_or_look;
  driver.write = refuse_to_write;
  const H5FD_mem_t kinds[] = H5FD_FLMAP_DICHOTOMY;
  std::memcpy(driver.fl_map, kinds, sizeof driver.fl_map);
  return driver;
}

}  // namespace

Handle register_hdf5_driver() {
  const H5FD_class_t driver = driver_class();
  return {H5FDregister(&driver), H5FDunregister};
}

Handle hdf5_access_list(const Handle& driver, Hdf5DriverState& state) {
  Handle list(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  const DriverInfo info = {.state = &state};
  if (!list.is_ok() || H5Pset_driver(list.id(), driver.id(), &info) < 0) return {};
  return list;
}

}  // namespace shardmill
