#include "pipeline/run/unit_task.h"

#include <algorithm>
#include <new>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/run/durable.h"

namespace shardmill {

namespace {

constexpr std::string_view kLimitNote = "stopped at --limit";

/// Not shown: the run has failed already, elsewhere.
Status run_is_over() {
  return Status::failed("the run was stopped");
}

/// Bytes of the slice that were taken from the disk so far. Only whole files may be compressed.
uint64_t disk_bytes_so_far(const Reader& reader, const FileSlice& slice) {
  return slice.is_whole_file() ? reader.disk_position() : reader.good_bytes();
}

/// No stage lets records wait for others.
bool passes_in_order(const BoundJob& job) {
  return std::none_of(job.stages.begin(), job.stages.end(),
                      [](const PipelineStage& stage) { return stage.spec->passes_late; });
}

}  // namespace

UnitCraft::UnitCraft(const WorkShared& shared, unsigned worker, Totals& totals, Gauge& gauge,
                     WorkClock& clock)
    : shared_(shared),
      worker_(worker),
      totals_(totals),
      gauge_(gauge),
      clock_(clock),
      totals_memory_(*shared.memory),
      part_pool_(shared.parts_dir, PartFileId::pool(shared.checkpoints->generation,
                                                    static_cast<uint64_t>(shared.rank), worker)),
      checkpoints_(*shared.checkpoints, shared.rank, worker),
      pipeline_(shared.job->stages, shared.job->slots) {
  pipeline_.tell_time(&clock_);
}

Result<std::unique_ptr<Task>> UnitCraft::begin(Deal deal) {
  ByteReader reader(deal.body);
  Unit unit = Unit::decode(reader);
  if (!reader.done() || unit.slices.empty()) return damaged_message("unit");
  return std::unique_ptr<Task>(
      std::make_unique<UnitTask>(*this, std::move(unit), deal.must_wait, deal.verdict));
}

Status UnitCraft::cover(CoveredUnit unit, const std::vector<WrittenPart>& parts) {
  if (!shared_.checkpoints->is_on()) return {};
  for (const WrittenPart& part : parts) {
    if (!part.file.is_pool() && part.bytes() > 0) new_parts_.push_back(part.file);
  }
  checkpoints_.cover(std::move(unit));
  return checkpoints_.is_due(totals_.memory_bytes()) ? write_checkpoint() : Status::ok();
}

/// What it covers is durable first.
Status UnitCraft::write_checkpoint() {
  const Clock::time_point start = Clock::now();
  const WorkSpan span(&clock_, WorkClock::kCheckpointing);
  // A disk tells an error of writing once; whoever asks again hears that all is well.
  has_failed_ = true;
  RETURN_IF_ERROR(part_pool_.sync());
  for (const PartFileId& part : new_parts_)
    RETURN_IF_ERROR(sync_file(part.path(shared_.parts_dir)));
  if (!shared_.parts_dir.empty()) RETURN_IF_ERROR(sync_folder(shared_.parts_dir));
  RETURN_IF_ERROR(checkpoints_.write(totals_, start));
  new_parts_.clear();
  has_failed_ = false;
  return {};
}

void UnitCraft::finish() {
  constexpr uint64_t kLargeShare = 4;
  // The merge may need more than there is: then these units need not be read again.
  if (totals_.memory_bytes() > shared_.memory->most() / kLargeShare) leave_early(true);
  if (shared_.ends == nullptr) return;
  const WorkSpan span(&clock_, WorkClock::kCommitting);
  WorkEnd& end = (*shared_.ends)[worker_];
  end.parts = part_pool_.close();
  const bool is_wanted = end.parts.is_ok() && shared_.checkpoints->is_on() && !has_failed_;
  // It only saves work should the run end early: that it cannot be written is no reason to end.
  if (!is_wanted || !checkpoints_.write_last(totals_)) return;
  end.last.name = checkpoints_.name();
  for (const PartFileId& part : new_parts_) end.last.parts.push_back(part.path(shared_.parts_dir));
  if (part_pool_.is_used()) end.last.parts.push_back(part_pool_.id().path(shared_.parts_dir));
}

void UnitCraft::leave_early(bool keep) {
  if (!keep || !checkpoints_.has_news() || has_failed_) return;
  // The run ends for a reason that is told; without this checkpoint only more is done again.
  const Status ignored = without_exceptions(shared_.place, [&] { return write_checkpoint(); });
  (void)ignored;
}

UnitTask::UnitTask(UnitCraft& craft, Unit unit, bool must_wait,
                   const std::optional<Verdict>& verdict)
    : craft_(craft),
      unit_(std::move(unit)),
      must_wait_(must_wait),
      totals_(craft.job()),
      rejects_(make_reject_log()),
      memory_(*craft.shared().memory) {
  if (verdict) known_first_ = verdict->value;
  report_.slices.resize(unit_.slices.size());
  left_out_.resize(unit_.slices.size());
  for (size_t stage = 0; stage < craft_.job().stages.size(); ++stage) {
    const std::optional<OutputSpec>& output = craft_.job().stages[stage].output;
    parts_.push_back(output ? make_part(craft_.shared().parts_dir,
                                        PartFileId::own(craft_.shared().checkpoints->generation,
                                                        unit_.index, stage),
                                        *output)
                            : nullptr);
  }
}

UnitTask::~UnitTask() {
  craft_.shared().counters->abandoned_bytes += bytes_read_;
}

Status UnitTask::perform() {
  const auto start = Clock::now();
  const WorkSpan span(&craft_.clock(), WorkClock::kUnit, unit_.index);
  record_by_record_ = false;
  const Status status = with_memory([this] {
    RETURN_IF_ERROR(perform_once());
    if (!has_enough()) return Status::ok();
    // Where the last chunk ends must not show: again, a record at a time, up to the last one.
    record_by_record_ = true;
    return perform_once();
  });
  craft_.shared().counters->busy_ns += static_cast<uint64_t>(seconds_since(start) * 1e9);
  return status;
}

Status UnitTask::perform_once() {
  bool tainted = true;
  while (tainted) {
    tainted = false;
    start_over();
    RETURN_IF_ERROR(read_slices(tainted));
  }
  return {};
}

UnitRejectLog UnitTask::make_reject_log() const {
  const JobRun& run = craft_.job().job.run;
  return UnitRejectLog(run.rejects_kept, passes_in_order(craft_.job()), run.reject_bytes_kept);
}

/// An empty state, as if the unit had never been read; which files are left out is kept.
void UnitTask::start_over() {
  totals_ = Totals(craft_.job());
  totals_.make_partials(craft_.job());
  rejects_ = make_reject_log();
  begun_ = Clock::now();
  records_ = 0;
  craft_.gauge().idle();
  std::vector<StageContext> contexts;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i] != nullptr) parts_[i]->discard();
    contexts.push_back({.books = &totals_.books[i],
                        .rejects = &rejects_,
                        .partial = totals_.partials[i].get(),
                        .sink = parts_[i].get(),
                        .stopped = &craft_.shared().mailbox->stop_flag()});
  }
  craft_.pipeline().begin_unit(contexts);
}

Status UnitTask::read_slices(bool& tainted) {
  for (size_t i = 0; i < unit_.slices.size(); ++i) {
    if (left_out_[i]) continue;
    report_.slices[i] = {.file_index = unit_.slices[i].file_index, .begin = unit_.slices[i].begin};
    if (has_enough()) {
      report_.slices[i].note = std::string(kNotReadNote);
    } else {
      RETURN_IF_ERROR(read_slice(i, tainted));
    }
  }
  return {};
}

ReadContext UnitTask::read_context() {
  ReadContext context = {.limits = craft_.job().job.input.limits, .rejects = &rejects_};
  if (record_by_record_) context.limits.chunk_bytes = 1;
  context.first_record = known_first_;
  context.clock = &craft_.clock();
  return context;
}

Status UnitTask::read_slice(size_t index, bool& tainted) {
  const FileSlice& slice = unit_.slices[index];
  const auto start = Clock::now();
  craft_.gauge().begin_file(slice.path, slice.begin);
  rejects_.begin_slice(slice);
  for (const auto& part : parts_) {
    if (part != nullptr) part->begin_slice(index);
  }
  const Result<std::unique_ptr<Reader>> reader = craft_.job().input->open(slice, read_context());
  if (!reader.is_ok()) return leave_out(index, reader.status(), nullptr);
  const Status status = read_records(**reader, index);
  bytes_read_ += disk_bytes_so_far(**reader, slice);
  report_.slices[index].seconds = seconds_since(start);
  if (status.is_ok()) return {};
  tainted = true;
  return leave_out(index, status, reader->get());
}

Status UnitTask::read_records(Reader& reader, size_t index) {
  const FileSlice& slice = unit_.slices[index];
  SliceBooks& books = report_.slices[index];
  RETURN_IF_ERROR(craft_.pipeline().begin_slice(slice));
  Status damage;
  bool more = true;
  while (more && !has_enough()) {
    rejects_.begin_read();
    const Result<bool> read = next_chunk(reader);
    if (!read.is_ok()) damage = read.status();
    if (!damage.is_ok() && !keeps_prefix(damage)) return damage;
    more = read.is_ok() && *read;
    if (!more) break;
    craft_.batch().slice = &slice;
    RETURN_IF_ERROR(take_batch(reader, books));
  }
  rejects_.end_read();
  RETURN_IF_ERROR(craft_.pipeline().end_slice());
  rejects_.end_slice();
  if (!damage.is_ok()) {
    close_books_early(reader, slice, books);
    books.error = damage.message();
    books.error_offset = books.plain_bytes;
  } else if (more) {
    close_books_early(reader, slice, books);
    books.note = kLimitNote;
  } else {
    close_books(reader.end(), books);
  }
  return {};
}

Result<bool> UnitTask::next_chunk(Reader& reader) {
  const WorkSpan span(&craft_.clock(), WorkClock::kParsing);
  return reader.next(craft_.batch());
}

/// A range whose first record is confirmed by the range before must hand on where it ends, which
/// nobody knows of a damaged one: it drops out as a whole.
bool UnitTask::keeps_prefix(const Status& error) const {
  return error.code() == Code::kBadFile && !unit_.needs_handover &&
         craft_.job().job.run.on_bad_file == "keep_prefix";
}

Status UnitTask::take_batch(const Reader& reader, SliceBooks& books) {
  Batch& batch = craft_.batch();
  if (record_by_record_) {
    batch.rows = static_cast<size_t>(std::min<uint64_t>(batch.rows, limit().left - records_));
  }
  rejects_.see_batch(batch);
  books.records += batch.rows;
  records_ += batch.rows;
  RETURN_IF_ERROR(craft_.pipeline().process(batch));
  return look_around(reader);
}

void UnitTask::close_books(const SliceEnd& end, SliceBooks& books) {
  books.disk_bytes = end.disk_bytes;
  books.plain_bytes = end.plain_bytes;
  books.records = end.records;
  books.rejected = end.rejected;
  books.rejected_bytes = end.rejected_bytes;
  books.bad_values = end.bad_values;
  books.note = end.note;
  first_record_ = end.first_record;
  handover_ = end.handover;
}

void UnitTask::close_books_early(const Reader& reader, const FileSlice& slice, SliceBooks& books) {
  books.disk_bytes = disk_bytes_so_far(reader, slice);
  books.plain_bytes = reader.good_bytes();
  books.rejected = rejects_.rejected_by_reader();
  books.bad_values = rejects_.bad_values();
}

/// After every chunk: tells how far it is, and sees whether to go on.
Status UnitTask::look_around(const Reader& reader) {
  craft_.gauge().move_to(disk_bytes_so_far(reader, *craft_.batch().slice), records_);
  if (craft_.shared().mailbox->stopped()) return run_is_over();
  RETURN_IF_ERROR(check_most_rejects());
  return check_memory();
}

Status UnitTask::check_memory() {
  constexpr uint32_t kChunksBetween = 32;  // asking the system takes as long as reading 10 KiB
  memory_.set(totals_.partials);
  const MemoryBudget& memory = *craft_.shared().memory;
  if (memory.is_exceeded()) return memory.stopped(craft_.shared().place);
  if (++chunks_ % kChunksBetween != 0 || !memory.is_process_too_large()) return {};
  return memory.stopped(craft_.shared().place, "the process has outgrown its memory");
}

/// What throws for want of memory ends the run early, with the name of what is large.
Status UnitTask::with_memory(const std::function<Status()>& body) const {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return craft_.shared().memory->stopped(craft_.shared().place, "no memory left");
  }
}

/// Ends the run in the middle of a long unit; rank 0 counts over whole units, whose rejects it can
/// show.
Status UnitTask::check_most_rejects() const {
  constexpr double kPatienceSeconds = 1;
  const std::optional<uint64_t> most = most_rejects(craft_.job().job.run.max_rejects);
  if (!most || rejects_.rejects().count() <= *most) return {};
  const bool may_be_wrong = must_wait_ && !known_first_;  // where its first record starts
  if (may_be_wrong || seconds_since(begun_) < kPatienceSeconds) return {};
  std::string reason(kTooManyRejects);
  if (const KeptReject* bad = rejects_.example()) {
    reason += ", for instance " + place_of(*bad) + ": " + bad->reason;
  }
  return Status::stopped(reason);
}

/// A bad file is reported and left out; every other error ends the run.
Status UnitTask::leave_out(size_t index, const Status& error, const Reader* reader) {
  const FileSlice& slice = unit_.slices[index];
  if (error.code() != Code::kBadFile) return error;
  if (craft_.job().job.run.on_bad_file == "stop") {
    return Status::bad_file(error.at(escaped(slice.path)).message() +
                            "; on_bad_file = \"skip\" goes on without it");
  }
  left_out_[index] = true;
  report_.slices[index] = {.file_index = slice.file_index, .begin = slice.begin};
  report_.slices[index].error = error.message();
  if (reader != nullptr) {
    report_.slices[index].disk_bytes = disk_bytes_so_far(*reader, slice);
    report_.slices[index].error_offset = reader->good_bytes();
  }
  return {};
}

Result<Done> UnitTask::commit(const std::optional<Verdict>& verdict) {
  const WorkSpan span(&craft_.clock(), WorkClock::kCommitting, unit_.index);
  if (verdict && verdict->value && *verdict->value != first_record_) {
    known_first_ = verdict->value;
    ++craft_.shared().counters->redone_units;
    RETURN_IF_ERROR(perform());
  }
  RETURN_IF_ERROR(check_rejects());
  RETURN_IF_ERROR(commit_parts());
  count_in();
  RETURN_IF_ERROR(merge_totals());
  bytes_read_ = 0;
  Done done = {.body = report_.encode()};
  if (unit_.gives_handover && !is_bad()) done.next = handover_;
  if (limit().on) {
    limit().left -= records_;
    done.drop_rest = limit().left == 0;
  }
  RETURN_IF_ERROR(craft_.cover(
      {.unit = unit_.index, .next = done.next, .first_record = first_record_, .report = done.body},
      report_.parts));
  return done;
}

/// Only when the unit commits it is certain that its rejects are none of a wrong start's.
Status UnitTask::check_rejects() const {
  const std::vector<KeptReject>& kept = rejects_.rejects().kept();
  if (craft_.job().job.run.on_bad_record != "stop" || rejects_.rejects().count() == 0) return {};
  std::string place = escaped(unit_.slices[0].path);
  std::string reason = "a bad record";
  if (!kept.empty()) {
    reason = kept[0].reason;
    place = place_of(kept[0]);
  }
  return Status::failed(place + ": " + reason + "; on_bad_record = \"reject\" goes on without it");
}

std::string UnitTask::place_of(const KeptReject& reject) const {
  for (const FileSlice& slice : unit_.slices) {
    if (slice.file_index != reject.identity.file_index) continue;
    return place_in_file(slice.path, reject.identity.offset);
  }
  return {};
}

Status UnitTask::commit_parts() {
  for (const auto& part : parts_) {
    if (part == nullptr) continue;
    ASSIGN_OR_RETURN(WrittenPart written, part->commit(craft_.part_pool()));
    report_.parts.push_back(std::move(written));
  }
  return {};
}

void UnitTask::count_in() const {
  WorkCounters& counters = *craft_.shared().counters;
  ++counters.units;
  counters.rejected += rejects_.rejects().count();
  for (const SliceBooks& slice : report_.slices) {
    counters.disk_bytes += slice.disk_bytes;
    counters.records += slice.records;
  }
}

Status UnitTask::merge_totals() {
  const Status status = with_memory([this] {
    totals_.rejects = rejects_.take();
    craft_.totals().merge(std::move(totals_));
    return Status::ok();
  });
  if (!status.is_ok()) craft_.spoil();
  memory_.clear();
  craft_.totals_memory().set(craft_.totals().partials);
  return status;
}

}  // namespace shardmill
