// Checkpoints as files: refused, or the same when written again. Their checksums would keep nearly
// every change from what lies behind, so most inputs get a right one.
#include "pipeline/base/hash.h"
#include "pipeline/run/checkpoint.h"
#include "pipeline/run/unit_report.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stage_states.h"
#include "tests/support/checkpoint_bytes.h"

namespace shardmill {
namespace {

constexpr uint64_t kIdentity = 0x0123456789abcdef;

std::string encoded(const Totals& totals) {
  ByteWriter writer;
  totals.encode(writer);
  return writer.take();
}

void try_index(std::string_view text) {
  const Result<CheckpointIndex> index = CheckpointIndex::parse(text);
  if (!index.is_ok()) return;
  const Result<CheckpointIndex> again = CheckpointIndex::parse(index->text());
  require(again.is_ok(), "an index is refused when written again");
  require(again->text() == index->text(), "an index changes when written again");
  for (const FrozenFile& file : index->files) {
    require(file.name.find('/') == std::string::npos, "an index leads out of its folder");
  }
}

void try_file(std::string_view bytes, const StageState& example) {
  const Result<CheckpointContent> content =
      parse_checkpoint(bytes, kIdentity, "gen-3.rank-2.worker-1");
  if (!content.is_ok()) return;
  for (const CoveredUnit& unit : content->units) {
    const Result<UnitReport> report = UnitReport::decode(unit.report);
    if (!report.is_ok()) continue;
    const Result<UnitReport> again = UnitReport::decode(report->encode());
    require(again.is_ok(), "a unit report is refused when encoded again");
    require(again->encode() == report->encode(), "a unit report changes when encoded again");
  }
  const Result<Totals> totals = Totals::decode(*example.job, content->totals);
  if (!totals.is_ok()) return;
  const Result<Totals> again = Totals::decode(*example.job, encoded(*totals));
  require(again.is_ok(), "an encoded state is refused");
  require(encoded(*again) == encoded(*totals), "a state changes when encoded again");
}

/// `body` behind the head of a file of this run, with its checksum.
std::string file_around(std::string_view body) {
  ByteWriter writer;
  constexpr std::string_view kMagic = "shardmill checkpoint 2\n";
  writer.raw(kMagic.data(), kMagic.size());
  writer.u64(kIdentity);
  for (const uint32_t number : {3u, 2u, 1u}) writer.u32(number);
  writer.raw(body.data(), body.size());
  writer.u64(hash64(writer.bytes()));
  return writer.take();
}

std::string index_around(std::string_view body) {
  std::string text = "shardmill checkpoint index 1\n" + std::string(body);
  constexpr char kDigits[] = "0123456789abcdef";
  const uint64_t checksum = hash64(text);
  text += "end ";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[checksum >> shift & 15];
  return text + "\n";
}

/// Units as the bytes say, then the sum of the example.
std::string body_with_sum(std::string_view units, const StageState& example) {
  ByteWriter writer;
  writer.raw(units.data(), units.size());
  writer.u64(example.totals.size());
  writer.raw(example.totals.data(), example.totals.size());
  return writer.take();
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  Choices choices(data, size);
  const auto& states = stage_states();
  const unsigned way = choices.below(5);
  const StageState& example = states[choices.below(static_cast<unsigned>(states.size()))];
  const std::string_view rest = choices.rest();
  if (way == 0) try_index(rest);
  if (way == 1) try_index(index_around(rest));
  if (way == 2) try_file(rest, example);
  if (way == 3) try_file(file_around(rest), example);
  if (way == 4) try_file(file_around(body_with_sum(rest, example)), example);
  return 0;
}
