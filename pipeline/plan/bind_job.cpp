#include <algorithm>
#include <set>

#include "pipeline/base/check.h"
#include "pipeline/core/registry.h"
#include "pipeline/plan/plan.h"

namespace shardmill {

namespace {

Schema schema_with_slots(const InputSchema& input, SlotPlan& slots) {
  Schema schema;
  for (const InputColumn& column : input.columns) {
    schema.columns.push_back(
        {.name = column.name, .type = column.type, .slot = slots.slots.size()});
    slots.slots.push_back({.name = column.name, .type = column.type});
  }
  return schema;
}

/// True if a stage that could not be bound leaves the columns as they are, so that the stages after
/// it can still be checked.
bool keeps_columns(const StageSpec& spec) {
  return spec.kind != StageKind::kTransform;
}

void check_outputs(const BoundJob& bound, Problems& problems) {
  std::set<std::string> paths;
  for (size_t i = 0; i < bound.stages.size(); ++i) {
    const auto& output = bound.stages[i].output;
    if (!output || paths.insert(output->path).second) continue;
    problems.add(bound.job.stages[i].options.line("path"),
                 {.place = {},
                  .found = "another stage writes to " + quoted(output->path) + " already",
                  .expected = "a path of its own",
                  .fix = "choose another path"});
  }
}

void use_all(const Schema& schema, SlotPlan& slots) {
  for (const SchemaColumn& column : schema.columns) slots.slots[column.slot].used = true;
}

/// What the run shall show of the records needs their identity, and all their columns.
void watch_stage(const JobRun& run, Binder& binder, SlotPlan& slots, PipelineStage& piece) {
  if (!piece.spec->drop_reasons.empty()) piece.drop_examples = run.drop_examples;
  if (piece.drop_examples > 0) binder.need_offsets();
  piece.shown = run.show;
  if (piece.shown == 0) return;
  use_all(piece.schema_after, slots);
  binder.begin_stage(binder.stage() + 1);  // what it passes on is watched as well
  binder.need_offsets();
}

void bind_stages(BoundJob& bound, Binder& binder, Problems& problems) {
  for (size_t i = 0; i < bound.job.stages.size(); ++i) {
    const JobStage& stage = bound.job.stages[i];
    binder.begin_stage(i);
    const size_t before = problems.list().size();
    PipelineStage piece;
    piece.spec = stage.spec;
    piece.schema_before = binder.schema();
    piece.bound = stage.spec->bind(stage.options, binder);
    SHARDMILL_CHECK(piece.bound != nullptr || problems.list().size() > before);
    if (piece.bound == nullptr && !keeps_columns(*stage.spec)) return;
    piece.output = binder.output();
    piece.name = stage.name;
    piece.schema_after = binder.schema();
    watch_stage(bound.job.run, binder, bound.slots, piece);
    bound.stages.push_back(std::move(piece));
  }
}

WantedColumns wanted_columns(const BoundJob& bound) {
  WantedColumns wanted = {
      .slots = {},
      .slot_count = bound.slots.slots.size(),
      .needs_raw = bound.slots.needs_raw,
      .offsets = bound.slots.needs_offsets ? WantedOffsets::kAll : WantedOffsets::kOfRejects,
      .may_leave_uncut = !bound.stages.empty() && bound.stages[0].bound->takes_uncut()};
  for (size_t i = 0; i < bound.schema.columns.size(); ++i) {
    const bool used = bound.slots.slots[i].used;
    wanted.slots.push_back(used ? std::optional<size_t>(i) : std::nullopt);
  }
  return wanted;
}

void check_read(ByteReader& reader, uint64_t type) {
  if (type > static_cast<uint64_t>(Type::kTime)) reader.fail();
}

}  // namespace

std::unique_ptr<BoundJob> bind_job(Job job, InputSchema schema, Problems& problems,
                                   bool show_records) {
  auto bound = std::make_unique<BoundJob>();
  bound->job = std::move(job);
  bound->schema = std::move(schema);
  const JobInput& input = bound->job.input;
  const RecordForm form = input.format->form != nullptr ? input.format->form(input.format_options)
                                                        : RecordForm{.format = input.format->name};
  Problems found;
  Binder binder(schema_with_slots(bound->schema, bound->slots), bound->slots, form, found);
  bind_stages(*bound, binder, found);
  for (JobStage& stage : bound->job.stages) stage.options.forget_contents();
  check_outputs(*bound, found);
  add_problems(found, bound->job.settings, problems);
  if (!found.empty()) return nullptr;
  if (show_records) use_all(binder.schema(), bound->slots);
  bound->input = input.format->bind(input.format_options, bound->schema, wanted_columns(*bound));
  SHARDMILL_CHECK(bound->input != nullptr);
  return bound;
}

std::string PlanMessage::encode() const {
  ByteWriter writer;
  writer.text(job_text);
  writer.text(job_place);
  writer.text(format);
  writer.varint(decoder_bytes);
  writer.varint(schema.columns.size());
  for (const InputColumn& column : schema.columns) {
    writer.text(column.name);
    writer.u8(static_cast<uint8_t>(column.type));
  }
  writer.varint(files.size());
  for (const SideFile& file : files) writer.text(*file);
  (replay != nullptr ? *replay : Replay()).encode(writer);
  return writer.take();
}

Result<PlanMessage> PlanMessage::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  PlanMessage message;
  message.job_text = reader.text();
  message.job_place = reader.text();
  message.format = reader.text();
  message.decoder_bytes = reader.varint();
  const uint64_t columns = reader.varint();
  if (reader.count_fits(columns, 2)) message.schema.columns.resize(columns);
  for (InputColumn& column : message.schema.columns) {
    column.name = reader.text();
    const uint8_t type = reader.u8();
    check_read(reader, type);
    column.type = static_cast<Type>(type);
  }
  const uint64_t files = reader.varint();
  if (reader.count_fits(files, 1)) message.files.resize(files);
  for (SideFile& file : message.files) file = std::make_shared<const std::string>(reader.text());
  auto replay = std::make_shared<const Replay>(Replay::decode(reader));
  if (!replay->files.empty()) message.replay = std::move(replay);
  if (!reader.done()) return Status::failed("the plan from rank 0 is damaged");
  return message;
}

void take_replay(const PlanMessage& message, BoundJob& bound) {
  if (message.replay == nullptr) return;
  bound.input = replay_input(std::move(bound.input), message.replay);
}

Result<std::unique_ptr<BoundJob>> bind_from_message(const PlanMessage& message) {
  Problems problems;
  Job job = parse_job(message.job_text, message.job_place, {}, problems);
  const std::vector<std::string> formats = format_names();
  if (std::find(formats.begin(), formats.end(), message.format) == formats.end()) {
    return Status::failed("the plan from rank 0 names an unknown format " + quoted(message.format));
  }
  if (problems.empty()) set_format(job, message.format, problems);
  if (problems.empty() && !give_side_files(job, message.files)) {
    return Status::failed("the plan from rank 0 has not all files that the job names");
  }
  std::unique_ptr<BoundJob> bound;
  if (problems.empty()) bound = bind_job(std::move(job), message.schema, problems);
  if (bound == nullptr) {
    return Status::failed("the plan from rank 0 does not bind here: " +
                          problems_text(message.job_place, problems));
  }
  take_replay(message, *bound);
  bound->decoder_bytes = message.decoder_bytes;
  return bound;
}

}  // namespace shardmill
