#include "pipeline/run/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>

#include "pipeline/base/hash.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/walk.h"

namespace shardmill {

namespace {

constexpr size_t kBufferBytes = 256 << 10;  // stays in the cache
constexpr uint64_t kWorthACall = 64 << 10;  // to the server

/// The folder of a place, opened step by step so that no step is a symlink; `make`: steps that are
/// not there are made.
Result<FileHandle> open_folder(const OutputPlace& place, bool make) {
  FileHandle folder(::open(place.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return file_error(place.root, "opened", errno);
  std::string_view rest = place.relative;
  for (size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    const std::string name(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    if (make && ::mkdirat(folder.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return file_error(place.text(), "put into its folder", errno);
    }
    FileHandle next(
        ::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.is_open()) return file_error(place.text(), "put into its folder", errno);
    folder = std::move(next);
  }
  return folder;
}

/// Some file systems have nothing to do here and say so by EINVAL.
Status sync_names(const FileHandle& folder, std::string_view place) {
  if (::fsync(folder.get()) == 0 || errno == EINVAL) return {};
  return file_error(place, "made durable", errno);
}

/// Under our temporary name there may stand something that somebody else put there.
Status check_own_file(const FileHandle& file, const OutputPlace& place) {
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return file_error(place.text(), "created", errno);
  if (S_ISREG(status.st_mode) && status.st_nlink == 1) return {};
  return Status::failed(
      Message{.place = escaped(place.text()),
              .found = "its temporary file " + quoted(place.temporary) + " is not one of this run",
              .expected = "a new file",
              .fix = "find out who else writes into that folder"}
          .text());
}

/// Not shown: why the run ends is told by others.
Status run_is_over() {
  return Status::failed("the run was stopped");
}

/// `buffer` gives the room to read into.
Result<SealedFile> checksum(const FileHandle& file, std::string_view place, std::string& buffer,
                            const SealGuard& guard) {
  Hasher64 hasher;
  SealedFile sealed;
  for (;;) {
    if (guard.is_stopped && guard.is_stopped()) return run_is_over();
    const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return file_error(place, "read", errno);
    if (size == 0) break;
    hasher.update({buffer.data(), static_cast<size_t>(size)});
    sealed.bytes += static_cast<uint64_t>(size);
  }
  sealed.checksum = hasher.digest();
  return sealed;
}

Status part_ends_early(std::string_view place) {
  return Status::failed(Message{.place = escaped(place),
                                .found = "the part ends early",
                                .expected = "what its unit wrote",
                                .fix = "leave the run directory alone while a run works"}
                            .text());
}

Status read_exactly(const FileHandle& from, uint64_t offset, std::span<char> room,
                    std::string_view place) {
  while (!room.empty()) {
    const ssize_t size = ::pread(from.get(), room.data(), room.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return file_error(place, "read", errno);
    if (size == 0) return part_ends_early(place);
    room = room.subspan(static_cast<size_t>(size));
    offset += static_cast<uint64_t>(size);
  }
  return {};
}

/// Opens folders of places that often are the same as the one before.
class Folders {
 public:
  /// Valid until the next call. The folder is there.
  Result<int> of(const OutputPlace& place) {
    const size_t slash = place.relative.rfind('/');
    std::string path = place.root + "/" + place.relative.substr(0, slash + 1);
    if (!folder_.is_open() || path != path_) {
      ASSIGN_OR_RETURN(folder_, open_folder(place, false));
      path_ = std::move(path);
    }
    return folder_.get();
  }

  Result<FileHandle> open_temporary(const OutputPlace& place) {
    ASSIGN_OR_RETURN(const int folder, of(place));
    FileHandle file(::openat(folder, place.temporary.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.is_open()) return file_error(place.text(), "opened", errno);
    return file;
  }

 private:
  std::string path_;
  FileHandle folder_;
};

Result<SealedFile> checksum_temporary(const OutputPlace& place, Folders& folders,
                                      std::string& buffer, const SealGuard& guard) {
  ASSIGN_OR_RETURN(const FileHandle file, folders.open_temporary(place));
  ASSIGN_OR_RETURN(const SealedFile sealed, checksum(file, place.text(), buffer, guard));
  begin_writeback(file, 0, 0);
  return sealed;
}

Status make_durable(const OutputPlace& place, Folders& folders) {
  ASSIGN_OR_RETURN(const FileHandle file, folders.open_temporary(place));
  return ::fsync(file.get()) == 0 ? Status::ok() : file_error(place.text(), "made durable", errno);
}

Status give_name(const OutputPlace& place, Folders& folders) {
  ASSIGN_OR_RETURN(const int folder, folders.of(place));
  const std::string name = name_of(place.relative);
  const int renamed = ::renameat(folder, place.temporary.c_str(), folder, name.c_str());
  return renamed == 0 ? Status::ok() : file_error(place.text(), "renamed", errno);
}

/// The folders of the places, and those above them up to their roots: any of them may be new.
Status make_names_durable(std::span<const OutputPlace> places) {
  std::set<std::pair<std::string, std::string>> done;  // root, folder below it
  for (const OutputPlace& place : places) {
    std::string folder = place.relative;
    do {
      const size_t slash = folder.rfind('/');
      folder.resize(slash == std::string::npos ? 0 : slash);
      if (!done.emplace(place.root, folder).second) break;
      const OutputPlace in = {
          .root = place.root, .relative = folder.empty() ? "" : folder + "/", .temporary = {}};
      ASSIGN_OR_RETURN(const FileHandle handle, open_folder(in, false));
      RETURN_IF_ERROR(sync_names(handle, in.text()));
    } while (!folder.empty());
  }
  return {};
}

}  // namespace

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status FileHandle::close(std::string_view place) {
  const int closed = ::close(std::exchange(descriptor_, -1));
  return closed == 0 ? Status::ok() : file_error(place, "written", errno);
}

bool is_plain_relative_path(std::string_view path) {
  while (true) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.size()) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<FileHandle> open_temporary(const OutputPlace& place, int flags) {
  ASSIGN_OR_RETURN(const FileHandle folder, open_folder(place, true));
  FileHandle file(::openat(folder.get(), place.temporary.c_str(),
                           flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  if (!file.is_open()) return file_error(place.text(), "created", errno);
  RETURN_IF_ERROR(check_own_file(file, place));
  return file;
}

void remove_temporary(const OutputPlace& place) {
  const Result<FileHandle> folder = open_folder(place, false);
  if (!folder.is_ok()) return;
  ::unlinkat(folder->get(), place.temporary.c_str(), 0);
  ::unlinkat(folder->get(), second_temporary(place).temporary.c_str(), 0);
}

OutputPlace second_temporary(const OutputPlace& place) {
  return {.root = place.root, .relative = place.relative, .temporary = place.temporary + "-made"};
}

Status rename_temporary(const OutputPlace& place, const std::string& name) {
  ASSIGN_OR_RETURN(const FileHandle folder, open_folder(place, false));
  const int renamed = ::renameat(folder.get(), place.temporary.c_str(), folder.get(), name.c_str());
  return renamed == 0 ? Status::ok() : file_error(place.text(), "renamed", errno);
}

Status write_at(const FileHandle& file, uint64_t offset, std::string_view bytes,
                std::string_view place) {
  while (!bytes.empty()) {
    const ssize_t size =
        ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return file_error(place, "written", size < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<size_t>(size));
    offset += static_cast<uint64_t>(size);
  }
  return {};
}

void begin_writeback(const FileHandle& file, uint64_t offset, uint64_t bytes) {
  ::sync_file_range(file.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
}

Status read_range(const FileHandle& from, uint64_t offset, uint64_t bytes, std::string& out,
                  std::string_view place) {
  const size_t begin = out.size();
  out.resize(begin + bytes);
  return read_exactly(from, offset, std::span(out).subspan(begin), place);
}

bool is_on_copying_server(const FileHandle& file) {
  struct statfs info = {};
  if (::fstatfs(file.get(), &info) != 0) return false;
  switch (static_cast<uint32_t>(info.f_type)) {
    case NFS_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CEPH_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

PieceWriter::PieceWriter(const FileHandle& to, uint64_t offset, std::string& buffer,
                         std::string_view place, bool on_server)
    : to_(to), buffer_(buffer), place_(place), at_(offset), on_server_(on_server) {
  buffer_.resize(kBufferBytes);
}

Status PieceWriter::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (used_ == buffer_.size()) RETURN_IF_ERROR(flush());
    const size_t size = bytes.copy(buffer_.data() + used_, buffer_.size() - used_);
    used_ += size;
    bytes.remove_prefix(size);
  }
  return {};
}

Status PieceWriter::copy(const FileHandle& from, uint64_t offset, uint64_t bytes) {
  if (on_server_ && bytes >= kWorthACall) RETURN_IF_ERROR(copy_on_server(from, offset, bytes));
  while (bytes > 0) {
    if (used_ == buffer_.size()) RETURN_IF_ERROR(flush());
    const size_t size = std::min<uint64_t>(bytes, buffer_.size() - used_);
    RETURN_IF_ERROR(read_exactly(from, offset, std::span(buffer_).subspan(used_, size), place_));
    used_ += size;
    offset += size;
    bytes -= size;
  }
  return {};
}

Status PieceWriter::flush() {
  RETURN_IF_ERROR(write_at(to_, at_, std::string_view(buffer_).substr(0, used_), place_));
  at_ += used_;
  used_ = 0;
  return {};
}

/// As much as the server likes to.
Status PieceWriter::copy_on_server(const FileHandle& from, uint64_t& offset, uint64_t& bytes) {
  RETURN_IF_ERROR(flush());
  while (bytes > 0) {
    auto in = static_cast<off64_t>(offset);
    auto out = static_cast<off64_t>(at_);
    const ssize_t copied = ::copy_file_range(from.get(), &in, to_.get(), &out, bytes, 0);
    if (copied <= 0) return {};
    at_ += static_cast<uint64_t>(copied);
    offset += static_cast<uint64_t>(copied);
    bytes -= static_cast<uint64_t>(copied);
  }
  return {};
}

Result<std::vector<SealedFile>> seal(std::span<const OutputPlace> places, const SealGuard& guard) {
  std::vector<SealedFile> sealed;
  Folders folders;
  std::string buffer(kBufferBytes, '\0');
  for (const OutputPlace& place : places) {
    ASSIGN_OR_RETURN(const SealedFile one, checksum_temporary(place, folders, buffer, guard));
    sealed.push_back(one);
  }
  for (const OutputPlace& place : places) {
    if (guard.is_stopped && guard.is_stopped()) return run_is_over();
    RETURN_IF_ERROR(make_durable(place, folders));
  }
  for (const OutputPlace& place : places) {
    if (guard.check_lock) RETURN_IF_ERROR(guard.check_lock());
    RETURN_IF_ERROR(give_name(place, folders));
  }
  RETURN_IF_ERROR(make_names_durable(places));
  return sealed;
}

Result<SealedFile> checksum_file(const std::string& path) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return file_error(path, "opened", errno);
  std::string buffer(kBufferBytes, '\0');
  return checksum(file, path, buffer, {});
}

Status disk_error(Message message, int error) {
  switch (error) {
    case ENOSPC:
      message.fix = "free space on that disk and run the same command again";
      return Status::stopped(message.text());
    case EDQUOT:
      message.fix = "free some of your quota on that disk and run the same command again";
      return Status::stopped(message.text());
    case EIO:
    case ESTALE:
    case EREMOTEIO:
    case ETIMEDOUT:
      message.fix = "check that disk and run the same command again";
      return Status::stopped(message.text());
    case EMFILE:
    case ENFILE:
      message.fix = "raise the limit of open files (ulimit -n) and run the same command again";
      return Status::stopped(message.text());
    case EROFS:
      message.fix = "make that file system writable, or choose another place (--run-dir)";
      break;
    default:
      break;
  }
  return Status::failed(message.text());
}

Status file_error(std::string_view place, std::string_view doing, int error) {
  return disk_error(
      {.place = escaped(place),
       .found = fmt::format("the file cannot be {} ({})", doing, system_reason(error)),
       .expected = {},
       .fix = "check that folder and its permissions"},
      error);
}

}  // namespace shardmill
