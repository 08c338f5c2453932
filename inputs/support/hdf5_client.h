// Asks the process that opens HDF5 files of others (pipeline/formats/hdf5_server.h).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/base/child_process.h"
#include "pipeline/base/status.h"
#include "pipeline/formats/hdf5_description.h"

namespace shardmill {

/// Memory that is not filled before it is used.
class Hdf5Buffer {
 public:
  /// At least `bytes`; what was in it may be gone.
  void need(size_t bytes) {
    if (bytes <= size_) return;
    bytes_ = std::make_unique_for_overwrite<char[]>(bytes);
    size_ = bytes;
  }
  char* data() const { return bytes_.get(); }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
};

/// Buffers that go from one unit to the next, so that the system need not clear new pages for each.
/// One thread.
class Hdf5Buffers {
 public:
  Hdf5Buffer take() {
    if (idle_.empty()) return {};
    Hdf5Buffer buffer = std::move(idle_.back());
    idle_.pop_back();
    return buffer;
  }
  void give_back(Hdf5Buffer buffer) {
    constexpr size_t kMost = 16;
    constexpr size_t kLargest = 4 << 20;
    if (buffer.size() > 0 && buffer.size() <= kLargest && idle_.size() < kMost) {
      idle_.push_back(std::move(buffer));
    }
  }

 private:
  std::vector<Hdf5Buffer> idle_;
};

/// A server in the hands of one thread, the one that started it.
class Hdf5Server {
 public:
  /// kFailed if it cannot be started.
  static Result<std::unique_ptr<Hdf5Server>> start();

  /// The answer, in `out`. kBadFile with the reason if there is none, or if the reader of the file
  /// crashed or ran out of memory or time. REQUIRES: the answer has at most `bytes_max` bytes, or
  /// it is kBadFile, too.
  Status ask(const ByteWriter& question, uint64_t bytes_max, std::string& out);
  /// The file is done with.
  void close_file();
  /// False after a crash.
  bool is_usable();
  Hdf5Buffers& buffers() { return buffers_; }

 private:
  explicit Hdf5Server(std::unique_ptr<ChildProcess> process) : process_(std::move(process)) {}
  bool send(const ByteWriter& question, std::string& received);
  bool receive(size_t bytes, std::string& received);
  Status crashed();

  std::unique_ptr<ChildProcess> process_;
  Hdf5Buffers buffers_;
};

/// The servers of all workers of a rank. Any thread.
class Hdf5Servers {
 public:
  /// One that this thread started, or a new one.
  Result<std::unique_ptr<Hdf5Server>> take();
  void give_back(std::unique_ptr<Hdf5Server> server);

 private:
  std::mutex mutex_;
  std::map<std::thread::id, std::vector<std::unique_ptr<Hdf5Server>>> idle_;
};

/// One open file. One thread.
class Hdf5File {
 public:
  struct Limits {
    uint64_t answer_bytes_max = 0;  ///< of rows and columns
  };
  static Result<std::unique_ptr<Hdf5File>> open(Hdf5Servers& servers,
                                                const Hdf5Selection& selection, Limits limits);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  const Hdf5Description& description() const { return description_; }
  /// REQUIRES of all: the range is within the dataset. What they give has the size that follows
  /// from it; kBadFile otherwise.
  Result<std::vector<Hdf5ChunkPlace>> chunks(const Hdf5Range& range);
  Status rows(const Hdf5Range& range, std::string& out);
  Status column(const Hdf5Range& range, std::string& out);
  uint64_t bytes_received() const { return bytes_received_; }
  Hdf5Buffers& buffers() { return server_->buffers(); }

 private:
  Hdf5File(Hdf5Servers& servers, std::unique_ptr<Hdf5Server> server, Limits limits)
      : servers_(servers), server_(std::move(server)), limits_(limits) {}
  Status ask(Hdf5Ask what, const Hdf5Range& range, std::string& out);

  Hdf5Servers& servers_;
  std::unique_ptr<Hdf5Server> server_;
  Limits limits_;
  Hdf5Description description_;
  uint64_t bytes_received_ = 0;
};

}  // namespace shardmill
