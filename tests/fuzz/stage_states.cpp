#include "tests/fuzz/stage_states.h"

#include "pipeline/cli/stage_docs.h"
#include "pipeline/core/registry.h"
#include "pipeline/run/in_memory.h"
#include "pipeline/run/merge.h"
#include "tests/fuzz/fuzz.h"

namespace shardmill {

namespace {

/// What an example's stage gets to read.
class ExampleInput {
 public:
  explicit ExampleInput(const StageExample& example) : content_(joined_lines(example.input)) {}

  /// nullptr if the stage keeps no state.
  std::unique_ptr<BoundJob> bind(Job job) const {
    Problems problems;
    if (job.input.format == nullptr) set_format(job, guess_format(job.input.paths), problems);
    require(problems.empty(), "an example has no format");
    const FileSlice slice = file();
    Result<InputSchema> schema = job.input.format->infer(
        job.input.format_options, job.input.limits,
        {.headers = {slice}, .types = {slice}, .content = &content_}, problems);
    require(schema.is_ok(), "an example has no schema");
    const TestFiles files = job.tests[0].files;
    read_side_files(job, problems, files);
    std::unique_ptr<BoundJob> bound = bind_job(std::move(job), std::move(*schema), problems);
    require(bound != nullptr, "an example does not bind");
    return bound->stages[0].bound->make_partial() == nullptr ? nullptr : std::move(bound);
  }

  std::string totals(const BoundJob& job) const {
    Totals totals(job);
    totals.make_partials(job);
    UnitRejectLog rejects(job.job.run.rejects_kept);
    const FileSlice slice = file();
    PipelineWorker worker(job.stages, job.slots);
    std::vector<StageContext> contexts;
    for (size_t i = 0; i < job.stages.size(); ++i) {
      contexts.push_back({.books = &totals.books[i],
                          .rejects = &rejects,
                          .partial = totals.partials[i].get(),
                          .sink = nullptr});
    }
    worker.begin_unit(contexts);
    require(read(job, slice, worker, rejects).is_ok(), "an example does not run");
    totals.rejects = rejects.take();
    ByteWriter writer;
    totals.encode(writer);
    return writer.take();
  }

 private:
  FileSlice file() const { return {.path = "example", .size_bytes = content_.size()}; }

  Status read(const BoundJob& job, const FileSlice& slice, PipelineWorker& worker,
              UnitRejectLog& rejects) const {
    ReadContext context = {.limits = job.job.input.limits, .rejects = &rejects};
    context.content = &content_;
    rejects.begin_slice(slice);
    ASSIGN_OR_RETURN(const std::unique_ptr<Reader> reader, job.input->open(slice, context));
    RETURN_IF_ERROR(worker.begin_slice(slice));
    Batch batch;
    for (;;) {
      rejects.begin_read();
      ASSIGN_OR_RETURN(const bool more, reader->next(batch));
      if (!more) break;
      batch.slice = &slice;
      rejects.see_batch(batch);
      RETURN_IF_ERROR(worker.process(batch));
    }
    RETURN_IF_ERROR(worker.end_slice());
    rejects.end_slice();
    return {};
  }

  std::string content_;
};

std::vector<StageState> make_states() {
  std::vector<StageState> states;
  for (const StageSpec& spec : all_stages()) {
    for (const StageExample& example : spec.examples) {
      if (spec.kind != StageKind::kSummarise) continue;
      Problems problems;
      Job job = parse_job(example_job(spec, example), "example.toml", {}, problems);
      require(problems.empty() && job.tests.size() == 1, "an example is no job");
      const ExampleInput input(example);
      StageState state = {.job = input.bind(std::move(job)), .totals = {}};
      if (state.job == nullptr) continue;
      state.totals = input.totals(*state.job);
      states.push_back(std::move(state));
    }
  }
  require(!states.empty(), "no stage keeps a state");
  return states;
}

}  // namespace

const std::vector<StageState>& stage_states() {
  static const std::vector<StageState> states = make_states();
  return states;
}

}  // namespace shardmill
