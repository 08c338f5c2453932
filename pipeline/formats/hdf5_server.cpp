#include "pipeline/formats/hdf5_server.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "pipeline/formats/hdf5_reader.h"

namespace shardmill {

namespace {

constexpr rlim_t kSecondsForOneAnswer = 60;  ///< of processor time
constexpr uint32_t kAskBytesMax = 64 << 20;

bool read_all(char* buffer, size_t size) {
  while (size > 0) {
    const ssize_t read = ::read(STDIN_FILENO, buffer, size);
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return false;
    buffer += read;
    size -= static_cast<size_t>(read);
  }
  return true;
}

bool write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

/// False at the end of the input.
bool read_frame(std::string& frame) {
  uint32_t size = 0;
  if (!read_all(reinterpret_cast<char*>(&size), sizeof size) || size > kAskBytesMax) return false;
  frame.resize(size);
  return read_all(frame.data(), size);
}

bool answer(const Status& status, const std::string& body) {
  ByteWriter head;
  const std::string_view bytes = status.is_ok() ? std::string_view(body) : status.message();
  head.u64(bytes.size() + 1);
  head.u8(status.is_ok() ? 0 : 1);
  return write_all(head.bytes()) && write_all(bytes);
}

/// Of address space, all that is mapped included.
uint64_t address_space_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

void limit_memory(uint64_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  (void)bytes;  // the sanitizer maps terabytes
#else
  const uint64_t mapped = address_space_bytes();
  if (mapped == 0) return;
  const rlimit limit = {.rlim_cur = mapped + bytes, .rlim_max = mapped + bytes};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
}

void limit_time() {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  rlimit limit = {};
  ::getrlimit(RLIMIT_CPU, &limit);
  const auto seconds = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1;
  limit.rlim_cur = std::min(limit.rlim_max, seconds + kSecondsForOneAnswer);
  ::setrlimit(RLIMIT_CPU, &limit);
}

/// The life of a reader: one file, from kOpen to kClose.
class FileService {
 public:
  /// False when there is nothing more to do.
  bool serve(std::string_view frame) {
    limit_time();
    ByteReader ask(frame);
    const auto what = static_cast<Hdf5Ask>(ask.u8());
    if (what == Hdf5Ask::kClose) return false;
    ByteWriter body;
    Status status = Status::bad_file("more memory is needed than a reader of HDF5 may take");
    try {
      status = fulfil(what, ask, body);
    } catch (const std::bad_alloc&) {
      body = ByteWriter();
    } catch (const std::exception& error) {
      status = Status::bad_file(error.what());
    }
    return answer(status, body.bytes());
  }

 private:
  Status fulfil(Hdf5Ask what, ByteReader& ask, ByteWriter& body) {
    if (what == Hdf5Ask::kOpen) return open(ask, body);
    const Hdf5Range range = Hdf5Range::decode(ask);
    if (!ask.done() || reader_ == nullptr) return Status::bad_file("damaged question");
    switch (what) {
      case Hdf5Ask::kChunks:
        return reader_->chunks(range, body);
      case Hdf5Ask::kRows:
        return reader_->rows(range, body);
      case Hdf5Ask::kColumn:
        return reader_->column(range, body);
      default:
        return Status::bad_file("damaged question");
    }
  }

  Status open(ByteReader& ask, ByteWriter& body) {
    const Hdf5Selection selection = Hdf5Selection::decode(ask);
    if (!ask.done()) return Status::bad_file("damaged question");
    limit_memory(selection.memory_bytes);
    ASSIGN_OR_RETURN(reader_, Hdf5Reader::open(selection));
    reader_->description().encode(body);
    return {};
  }

  std::unique_ptr<Hdf5Reader> reader_;
};

/// Ends the process, without a word to whoever else has its descriptors and memory.
[[noreturn]] void read_one_file(std::string frame, pid_t server) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != server) ::_exit(1);  // it died before the kernel knew
  FileService service;
  while (service.serve(frame)) {
    if (!read_frame(frame)) break;
  }
  ::_exit(0);
}

/// How the reader ended, as an exit code.
int wait_for(pid_t reader) {
  int status = 0;
  while (::waitpid(reader, &status, 0) < 0) {
    if (errno != EINTR) return kHdf5Ended;
  }
  if (WIFSIGNALED(status)) return kHdf5Crash + WTERMSIG(status);
  return WEXITSTATUS(status) == 0 ? 0 : kHdf5Ended;
}

}  // namespace

int serve_hdf5() {
  const rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  H5open();
  std::string frame;
  while (read_frame(frame)) {
    const pid_t server = ::getpid();
    const pid_t reader = ::fork();
    if (reader < 0) return kHdf5Ended;
    if (reader == 0) read_one_file(std::move(frame), server);
    const int code = wait_for(reader);
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace shardmill
