#include <cmath>

#include "pipeline/core/identity.h"
#include "pipeline/core/stage.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kNotSampled };

/// Hashes below this are kept: a share of all 2^64 of them.
uint64_t threshold(double fraction) {
  return static_cast<uint64_t>(std::floor(fraction * 0x1p64));
}

class SampleWorker final : public StageWorker {
 public:
  SampleWorker(double fraction, uint64_t seed)
      : keeps_all_(fraction >= 1), threshold_(keeps_all_ ? 0 : threshold(fraction)), hash_(seed) {}

  Status begin_slice(const FileSlice& slice, const StageContext&) override {
    hash_.begin_file(slice.path);
    return {};
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    if (keeps_all_) return next.pass(batch);
    batch.keep_rows([&](size_t row) {
      if (hash_.of(batch, row) < threshold_) return true;
      context.drop(kNotSampled, batch, row);
      return false;
    });
    return next.pass(batch);
  }

 private:
  bool keeps_all_;
  uint64_t threshold_;
  IdentityHash hash_;
};

class Sample final : public BoundStage {
 public:
  Sample(double fraction, uint64_t seed) : fraction_(fraction), seed_(seed) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<SampleWorker>(fraction_, seed_);
  }

 private:
  double fraction_;
  uint64_t seed_;
};

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  binder.need_offsets();
  return std::make_unique<Sample>(options.number("fraction"),
                                  static_cast<uint64_t>(options.integer("seed")));
}

}  // namespace

StageSpec stage_sample() {
  return {
      .name = "sample",
      .kind = StageKind::kFilter,
      .summary = "keep a random share of the records, the same ones on any layout",
      .doc =
          "Whether a record stays follows from a hash of its file's path, its byte offset and the "
          "seed. A run on "
          "other cores, or on part of the files, chooses the same records; another `seed` chooses "
          "others.",
      .fields = {{.name = "fraction",
                  .kind = FieldKind::kFloat,
                  .doc = "Share of the records to keep, from 0 to 1.",
                  .required = true,
                  .min = 0,
                  .max = 1},
                 {.name = "seed",
                  .kind = FieldKind::kInt,
                  .doc = "Another number chooses other records.",
                  .default_text = "0",
                  .min = 0,
                  .max = 9.0e18}},
      .drop_reasons = {{"not_sampled", "the record's hash is not in the share"}},
      .bind = bind,
      .examples = {{.title = "A fraction of 1 keeps every record.",
                    .input = {"a", "b"},
                    .stage = "fraction = 1.0",
                    .output = {"{ line = 'a' }", "{ line = 'b' }"}},
                   {.title = "A fraction of 0 keeps none.",
                    .input = {"a", "b"},
                    .stage = "fraction = 0.0"},
                   {.title = "About half of the records stay.",
                    .input = {"a", "b", "c", "d"},
                    .stage = "fraction = 0.5\nseed = 1",
                    .output = {"{ line = 'a' }", "{ line = 'b' }"}}},
  };
}

}  // namespace shardmill
