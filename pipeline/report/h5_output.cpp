#include "pipeline/report/h5_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace shardmill {

namespace {

/// What HDF5 holds of an open file: its own part first.
struct DriverFile {
  H5FD_t own = {};
  H5Output* output = nullptr;
  haddr_t end_of_addresses = 0;
  haddr_t end_of_file = 0;
};

DriverFile& of(H5FD_t* file) {
  return *reinterpret_cast<DriverFile*>(file);
}
const DriverFile& of(const H5FD_t* file) {
  return *reinterpret_cast<const DriverFile*>(file);
}

/// The driver's information in the access list is a pointer to the output.
H5FD_t* open_file(const char*, unsigned, hid_t access, haddr_t) {
  const auto* output = static_cast<H5Output* const*>(H5Pget_driver_info(access));
  if (output == nullptr) return nullptr;
  auto* file = new DriverFile;
  file->output = *output;
  return &file->own;
}

herr_t close_file(H5FD_t* file) {
  delete &of(file);
  return 0;
}

/// Small values that stand there already must not be given a place in a larger block.
herr_t query(const H5FD_t* file, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE;
  if (file == nullptr || of(file).output->values().is_empty())
    *flags |= H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t allocate(H5FD_t* file, H5FD_mem_t type, hid_t, hsize_t size) {
  return of(file).output->allocate(type == H5FD_MEM_DRAW, size, of(file).end_of_addresses);
}

haddr_t get_end_of_addresses(const H5FD_t* file, H5FD_mem_t) {
  return of(file).end_of_addresses;
}

herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  of(file).end_of_addresses = address;
  return 0;
}

haddr_t get_end_of_file(const H5FD_t* file, H5FD_mem_t) {
  return of(file).end_of_file;
}

herr_t read_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  of(file).output->read(address, static_cast<char*>(buffer), size);
  return 0;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size,
                   const void* buffer) {
  of(file).output->write(address, static_cast<const char*>(buffer), size);
  of(file).end_of_file = std::max(of(file).end_of_file, address + size);
  return 0;
}

herr_t truncate_file(H5FD_t* file, hid_t, hbool_t) {
  if (of(file).end_of_file == of(file).end_of_addresses) return 0;
  of(file).output->set_size(of(file).end_of_addresses);
  of(file).end_of_file = of(file).end_of_addresses;
  return 0;
}

constexpr H5FD_class_t kDriver = {
    .name = "shardmill",
    .maxaddr = (uint64_t{1} << 63) - 1,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(H5Output*),
    .open = open_file,
    .close = close_file,
    .query = query,
    .alloc = allocate,
    .get_eoa = get_end_of_addresses,
    .set_eoa = set_end_of_addresses,
    .get_eof = get_end_of_file,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

}  // namespace

H5Output::H5Output(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) note(errno);
}

H5Output::H5Output(int descriptor, ValuesRange values)
    : descriptor_(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)), values_(values) {
  if (descriptor_ < 0) note(errno);
}

H5Output::~H5Output() {
  close();
}

Handle H5Output::access() {
  Handle list(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  const Handle driver(H5FDregister(&kDriver), H5FDunregister);
  const H5Output* self = this;
  H5Pset_driver(list.id(), driver.id(), &self);  // the list keeps the driver
  return list;
}

bool H5Output::close() {
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) note(errno);
  return error_ == 0;
}

void H5Output::note(int error) {
  if (error_ == 0) error_ = error;
}

uint64_t H5Output::allocate(bool is_chunk, uint64_t size, uint64_t& end) {
  if (is_chunk && next_chunk_) return *std::exchange(next_chunk_, std::nullopt);
  if (!values_.is_empty() && !std::exchange(has_head_, true)) {
    end = std::max(end, values_.end);
    return size <= values_.begin ? 0 : HADDR_UNDEF;
  }
  return std::exchange(end, end + size);
}

void H5Output::write(uint64_t offset, const char* bytes, size_t size) {
  if (values_.contains(offset)) return;  // they are there
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor_, bytes, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return note(written < 0 ? errno : ENOSPC);
    bytes += written;
    size -= static_cast<size_t>(written);
    offset += static_cast<uint64_t>(written);
  }
}

/// What was never written is zeros.
void H5Output::read(uint64_t offset, char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t read = ::pread(descriptor_, bytes, size, static_cast<off_t>(offset));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) note(errno);
    if (read <= 0) break;
    bytes += read;
    size -= static_cast<size_t>(read);
    offset += static_cast<uint64_t>(read);
  }
  std::memset(bytes, 0, size);
}

void H5Output::set_size(uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) note(errno);
}

}  // namespace shardmill
