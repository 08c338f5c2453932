// The user's files: written under a temporary name in their own folder, then renamed. No name that
// comes from data or from an input's path leads out of its folder, and no symlink is followed on
// the way (openat, O_NOFOLLOW).
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/message.h"
#include "pipeline/base/status.h"

namespace shardmill {

/// An open file; closed at the end. One owner.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int descriptor) : descriptor_(descriptor) {}
  FileHandle(FileHandle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileHandle();

  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  /// The error of the last write on some file systems.
  Status close(std::string_view place);

 private:
  int descriptor_ = -1;
};

/// Where an output is to be. `relative` is "name" or "folder/name" below `root`, with no empty,
/// "." or ".." part.
struct OutputPlace {
  std::string root;  ///< a folder that is there
  std::string relative;
  std::string temporary;  ///< name in the same folder

  std::string text() const { return root + "/" + relative; }
};

/// True if every part of the path is a name.
bool is_plain_relative_path(std::string_view path);

/// The temporary file, made if it is not there, for writing at any offset (several may). Folders on
/// the way are made. kFailed if something else has its name: a FIFO, a file with a second name.
Result<FileHandle> open_temporary(const OutputPlace& place, int flags = O_WRONLY | O_CREAT);
/// Takes it and its second one away again if they are there, by the same way.
void remove_temporary(const OutputPlace& place);
/// For a file that is made from the temporary one.
OutputPlace second_temporary(const OutputPlace& place);
/// Gives the temporary file of `place` another temporary name in the same folder.
Status rename_temporary(const OutputPlace& place, const std::string& name);
Status write_at(const FileHandle& file, uint64_t offset, std::string_view bytes,
                std::string_view place);
/// Has the kernel begin to write a stretch to the disk, so that who makes the file durable waits
/// less.
void begin_writeback(const FileHandle& file, uint64_t offset, uint64_t bytes);
/// Whether the file is on a server that copies what is in its files by itself.
bool is_on_copying_server(const FileHandle& file);
/// Writes what comes from other files one behind the other, through a buffer of 256 KiB: that stays
/// in the cache, while the kernel's own copy of a local file goes through a pipe of 64 KiB.
class PieceWriter {
 public:
  /// Bytes go to `to` from `offset` on. `buffer` gives its memory. `on_server`: the server is asked
  /// to copy first. REQUIRES: what is referred to outlives this.
  PieceWriter(const FileHandle& to, uint64_t offset, std::string& buffer, std::string_view place,
              bool on_server);
  Status append(std::string_view bytes);
  /// Appends exactly `bytes` bytes of `from`.
  Status copy(const FileHandle& from, uint64_t offset, uint64_t bytes);
  /// What was appended is in the file.
  Status flush();
  uint64_t end() const { return at_ + used_; }

 private:
  Status copy_on_server(const FileHandle& from, uint64_t& offset, uint64_t& bytes);

  const FileHandle& to_;
  std::string& buffer_;
  const std::string_view place_;
  uint64_t at_;      ///< where the buffer goes
  size_t used_ = 0;  ///< of the buffer
  const bool on_server_;
};
/// Reads exactly `bytes` bytes.
Status read_range(const FileHandle& from, uint64_t offset, uint64_t bytes, std::string& out,
                  std::string_view place);

/// What may keep files from getting their names.
struct SealGuard {
  /// Asked often: the run ends early. May be empty.
  std::function<bool()> is_stopped = {};
  /// Asked before each name: not ok if another run has the run directory. May be empty.
  std::function<Status()> check_lock = {};
};

/// What is known of a finished file.
struct SealedFile {
  uint64_t bytes = 0;
  uint64_t checksum = 0;  ///< XXH3-64 of all bytes
};
/// Reads each temporary file once, makes all of them durable, then gives all their names and makes
/// those durable: many at once cost few waits for the disk, while a name given in between would
/// cost one for each file.
Result<std::vector<SealedFile>> seal(std::span<const OutputPlace> places,
                                     const SealGuard& guard = {});

/// XXH3-64 of a file's bytes.
Result<SealedFile> checksum_file(const std::string& path);

/// `message` with the fix that belongs to the errno `error`, if it has one of its own. kStopped
/// where the same command goes on once that is mended (a full disk or quota, an error of the disk,
/// too many open files), else kFailed.
Status disk_error(Message message, int error);
/// `place: the file cannot be ... (reason); ...`, see disk_error.
Status file_error(std::string_view place, std::string_view doing, int error);

}  // namespace shardmill
