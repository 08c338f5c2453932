// States of a run that come over the wire or from a disk: refused, or the same when encoded again;
// and what was taken can be added to that of real records.
#include "pipeline/run/merge.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stage_states.h"

namespace shardmill {
namespace {

/// The bytes as they are, or the state of an example with some of its bytes replaced by them.
std::string state_from(Choices& choices, const StageState& example) {
  const unsigned place = choices.below(256);
  const std::string bytes(choices.rest());
  if (place == 0) return bytes;
  std::string state = example.totals;
  const size_t begin = (place - 1) * state.size() / 255;
  return state.replace(begin, std::min(bytes.size(), state.size() - begin), bytes);
}

std::string encoded(const Totals& totals) {
  ByteWriter writer;
  totals.encode(writer);
  return writer.take();
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  Choices choices(data, size);
  const auto& states = stage_states();
  const StageState& example = states[choices.below(static_cast<unsigned>(states.size()))];
  const BoundJob& job = *example.job;
  Result<Totals> totals = Totals::decode(job, state_from(choices, example));
  if (!totals.is_ok()) return 0;
  const std::string first = encoded(*totals);
  const Result<Totals> again = Totals::decode(job, first);
  require(again.is_ok(), "an encoded state is refused");
  require(encoded(*again) == first, "a state changes when encoded again");
  Result<Totals> sum = Totals::decode(job, example.totals);
  require(sum.is_ok(), "the state of an example is refused");
  sum->merge(std::move(*totals));
  return 0;
}
