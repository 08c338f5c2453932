#include "inputs/support/json_index.h"

#include <simdjson.h>

#include <algorithm>

#include "pipeline/base/simd.h"

namespace shardmill {

struct JsonIndex::State {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stages;
};

namespace {

constexpr size_t kFirstCapacity = 64 << 10;

}  // namespace

JsonIndex::JsonIndex() {
  const simdjson::implementation* const chosen = simdjson::get_active_implementation();
  // The portable implementation is no faster than scan_json, and unlike the others it may leave out
  // positions.
  if (simd_limited_to_scalar() || chosen->name() == "fallback") return;
  auto state = std::make_unique<State>();
  const simdjson::error_code error =
      chosen->create_dom_parser_implementation(kFirstCapacity, 1, state->stages);
  if (error == simdjson::SUCCESS) state_ = std::move(state);
}

JsonIndex::~JsonIndex() = default;

bool JsonIndex::is_utf8(std::string_view text) const {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool JsonIndex::build(std::string_view text) {
  if (text.size() > kBytesMax) return false;
  auto& stages = *state_->stages;
  if (stages.capacity() < text.size()) {
    const size_t capacity = std::min(kBytesMax, std::max(text.size(), 2 * stages.capacity()));
    if (stages.set_capacity(capacity) != simdjson::SUCCESS) return false;
  }
  const simdjson::error_code error = stages.stage1(reinterpret_cast<const uint8_t*>(text.data()),
                                                   text.size(), simdjson::stage1_mode::regular);
  const bool is_blank = error == simdjson::EMPTY;
  if (error != simdjson::SUCCESS && !is_blank) return false;
  const uint32_t count = is_blank ? 0 : stages.n_structural_indexes;
  const auto newline = static_cast<uint32_t>(text.size() - 1);
  stages.structural_indexes[count] = newline;
  stages.structural_indexes[count + 1] = newline;
  count_ = count;
  positions_ = stages.structural_indexes.get();
  return true;
}

}  // namespace shardmill
