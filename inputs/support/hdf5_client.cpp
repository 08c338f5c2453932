#include "inputs/support/hdf5_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/hdf5_server.h"

namespace shardmill {

namespace {

constexpr ChildProcess::Milliseconds kWait{1000};
constexpr uint64_t kDescriptionBytesMax = 64 << 20;
constexpr size_t kAnswerHead = sizeof(uint64_t) + 1;
/// Tests are programs of their own: they name the one that serves.
constexpr const char* kProgramVariable = "SHARDMILL_PROGRAM";

std::string this_program() {
  const char* const named = std::getenv(kProgramVariable);
  if (named != nullptr && *named != '\0') return named;
  std::array<char, 4096> path = {};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : std::string();
}

std::vector<std::string> this_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  return all;
}

std::string signal_reason(int signal) {
  const std::string number = "signal " + std::to_string(signal);
  if (signal == SIGXCPU) return "the library takes more than 60 s for one answer (" + number + ")";
  return "the library crashes on it (" + number + ")";
}

}  // namespace

Result<std::unique_ptr<Hdf5Server>> Hdf5Server::start() {
  const std::string program = this_program();
  ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> process,
                   ChildProcess::start(program, {program, kHdf5ServerWord}, this_environment()));
  return std::unique_ptr<Hdf5Server>(new Hdf5Server(std::move(process)));
}

bool Hdf5Server::is_usable() {
  return process_ != nullptr && !process_->has_ended();
}

bool Hdf5Server::send(const ByteWriter& question, std::string& received) {
  ByteWriter frame;
  frame.u32(static_cast<uint32_t>(question.size()));
  frame.raw(question.bytes().data(), question.size());
  std::string_view rest = frame.bytes();
  while (!rest.empty()) {
    if (!process_->takes_input() || process_->output_ended()) return false;
    rest.remove_prefix(process_->exchange(rest, received, kWait).written);
  }
  return true;
}

bool Hdf5Server::receive(size_t bytes, std::string& received) {
  while (received.size() < bytes) {
    if (process_->output_ended()) return false;
    process_->exchange({}, received, kWait);
  }
  return true;
}

Status Hdf5Server::crashed() {
  // The end of its output comes a moment before its own.
  for (int i = 0; i < 1000 && !process_->has_ended(); ++i) ::usleep(1000);
  const ChildEnd end = process_->end();
  process_.reset();
  const int signal = end.signal != 0 ? end.signal : end.exit_code - kHdf5Crash;
  const std::string found = signal > 0 ? signal_reason(signal) : "the library gives up on it";
  return Status::bad_file(
      Message{.place = {}, .found = found, .expected = "a sound HDF5 file", .fix = {}}.text());
}

Status Hdf5Server::ask(const ByteWriter& question, uint64_t bytes_max, std::string& out) {
  out.clear();
  if (process_ == nullptr) return Status::bad_file("the library has crashed on it");
  if (!send(question, out) || !receive(kAnswerHead, out)) return crashed();
  uint64_t size = 0;
  std::memcpy(&size, out.data(), sizeof size);
  const bool is_good = out[sizeof size] == 0;
  if (size == 0 || size - 1 > (is_good ? bytes_max : 1 << 16)) {
    process_.reset();
    return Status::bad_file("an answer of " + counted(size, "byte") + ", expected at most " +
                            counted(bytes_max, "byte"));
  }
  out.reserve(sizeof size + size + ChildProcess::kReadBytes);
  if (!receive(sizeof size + size, out)) return crashed();
  out.erase(0, kAnswerHead);
  if (out.size() != size - 1) {
    process_.reset();
    return Status::bad_file("the library crashes on it, expected a sound HDF5 file");
  }
  return is_good ? Status::ok() : Status::bad_file(out);
}

void Hdf5Server::close_file() {
  if (process_ == nullptr) return;
  ByteWriter question;
  question.u8(static_cast<uint8_t>(Hdf5Ask::kClose));
  std::string nothing;
  if (!send(question, nothing) || !nothing.empty()) process_.reset();
}

Result<std::unique_ptr<Hdf5Server>> Hdf5Servers::take() {
  {
    const std::lock_guard lock(mutex_);
    std::vector<std::unique_ptr<Hdf5Server>>& ours = idle_[std::this_thread::get_id()];
    while (!ours.empty()) {
      std::unique_ptr<Hdf5Server> server = std::move(ours.back());
      ours.pop_back();
      if (server->is_usable()) return server;
    }
  }
  return Hdf5Server::start();
}

void Hdf5Servers::give_back(std::unique_ptr<Hdf5Server> server) {
  if (!server->is_usable()) return;
  const std::lock_guard lock(mutex_);
  idle_[std::this_thread::get_id()].push_back(std::move(server));
}

Result<std::unique_ptr<Hdf5File>> Hdf5File::open(Hdf5Servers& servers,
                                                 const Hdf5Selection& selection, Limits limits) {
  ASSIGN_OR_RETURN(std::unique_ptr<Hdf5Server> server, servers.take());
  std::unique_ptr<Hdf5File> file(new Hdf5File(servers, std::move(server), limits));
  ByteWriter question;
  question.u8(static_cast<uint8_t>(Hdf5Ask::kOpen));
  selection.encode(question);
  std::string answer;
  RETURN_IF_ERROR(file->server_->ask(question, kDescriptionBytesMax, answer));
  ByteReader reader(answer);
  file->description_ = Hdf5Description::decode(reader);
  if (!reader.done()) {
    return Status::bad_file("sizes in it contradict each other, expected a sound HDF5 file");
  }
  return file;
}

Hdf5File::~Hdf5File() {
  server_->close_file();
  servers_.give_back(std::move(server_));
}

Status Hdf5File::ask(Hdf5Ask what, const Hdf5Range& range, std::string& out) {
  ByteWriter question;
  question.u8(static_cast<uint8_t>(what));
  range.encode(question);
  RETURN_IF_ERROR(server_->ask(question, limits_.answer_bytes_max, out));
  bytes_received_ += out.size();
  return {};
}

Result<std::vector<Hdf5ChunkPlace>> Hdf5File::chunks(const Hdf5Range& range) {
  std::string answer;
  RETURN_IF_ERROR(ask(Hdf5Ask::kChunks, range, answer));
  constexpr size_t kPlaceBytes = 20;
  std::vector<Hdf5ChunkPlace> places(answer.size() / kPlaceBytes);
  ByteReader reader(answer);
  for (Hdf5ChunkPlace& place : places) {
    place.address = reader.u64();
    place.size_bytes = reader.u64();
    place.filter_mask = reader.u32();
  }
  if (!reader.done()) return Status::bad_file("a damaged answer about chunks");
  return places;
}

Status Hdf5File::rows(const Hdf5Range& range, std::string& out) {
  return ask(Hdf5Ask::kRows, range, out);
}

Status Hdf5File::column(const Hdf5Range& range, std::string& out) {
  return ask(Hdf5Ask::kColumn, range, out);
}

}  // namespace shardmill
