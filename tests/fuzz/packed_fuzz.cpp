// Compressed files: damaged or not, what is read does not depend on the sizes of buffers.
#include <string>

#include "pipeline/formats/byte_source.h"
#include "tests/fuzz/fuzz.h"

namespace shardmill {
namespace {

struct Outcome {
  std::string bytes;
  std::string error;
  std::string note;
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(std::string_view content, size_t buffer_bytes, size_t capacity) {
  constexpr size_t kEnough = 4 << 20;  // of a bomb
  SourceOptions options = {.size_bytes = content.size(), .window_bytes_max = 8 << 20};
  options.buffer_bytes = buffer_bytes;
  const auto source = open_memory(content, options);
  Outcome outcome;
  std::string buffer(capacity, '\0');
  while (outcome.bytes.size() < kEnough) {
    const Result<size_t> got = source->read(buffer.data(), buffer.size());
    if (!got.is_ok()) {
      outcome.error = got.status().message();
      return outcome;
    }
    if (*got == 0) {
      outcome.note = source->note();
      return outcome;
    }
    outcome.bytes.append(buffer, 0, *got);
  }
  outcome.bytes.resize(kEnough);
  return outcome;
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  constexpr size_t kBuffer = 128 << 10;
  const Outcome whole = read_all(content, kBuffer, 64 << 10);
  require(whole == read_all(content, kBuffer, 97), "it depends on the sizes of the calls");
  // Where an error is seen, and how much came before it, follows from how much was read at once.
  const Outcome pieces = read_all(content, 7, 97);
  require(whole.bytes.starts_with(pieces.bytes) || pieces.bytes.starts_with(whole.bytes),
          "other bytes with small buffers");
  require(!whole.error.empty() || whole.bytes == pieces.bytes, "fewer bytes with small buffers");
  require(whole.error.empty() == pieces.error.empty(), "another outcome with small buffers");
  require(whole.note == pieces.note, "another note with small buffers");
  return 0;
}
