#include "pipeline/run/lead.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <new>
#include <numeric>

#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/run_identity.h"
#include "pipeline/run/asked.h"
#include "pipeline/run/slurm.h"
#include "pipeline/run/timeline.h"
#include "pipeline/run/unit_report.h"

namespace shardmill {

namespace {

constexpr double kStatusSeconds = 3;
constexpr double kLockSeconds = 1;
constexpr uint64_t kShareOfMemoryForPartial = 4;
constexpr uint64_t kPartialBytesMost = 256 << 20;  ///< of checkpoints: reading more takes long

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

/// Makes temporary names of this run unlike those of any other.
std::string new_token() {
  const auto now = Clock::now().time_since_epoch().count();
  return fmt::format("{:08x}", hash64(fmt::format("{} {}", now, ::getpid())) & 0xffffffff);
}

double between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Where parts may go if no run directory is kept: to the disk of the first output.
std::string folder_for_parts(const Outputs& outputs, const RunRequest& request) {
  if (outputs.roots().empty()) return {};
  if (!request.run_dir.empty()) return request.run_dir;
  for (const std::string& root : outputs.roots()) {
    if (root != "/output") return root;
  }
  const char* folder = std::getenv("TMPDIR");
  return folder == nullptr ? "/tmp" : folder;
}

/// Columns of the terminal behind `descriptor`; 0 if there is none, or it does not say.
unsigned width_of_terminal(int descriptor) {
  winsize size = {};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// As wide as the terminal, within what the report is made for.
TextStyle style_of_output() {
  TextStyle style;
  // mpirun gives its processes a terminal even where its own output is a file.
  if (launched_by_mpi() || ::isatty(STDOUT_FILENO) == 0) return style;
  style.colour = std::getenv("NO_COLOR") == nullptr;
  const unsigned width = width_of_terminal(STDOUT_FILENO);
  if (width > 0) style.width = std::clamp(width, 80u, 120u);
  return style;
}

Status no_memory_for_table(const PipelineStage& stage, size_t index, const Partial& partial) {
  return Status::stopped(
      Message{.place = "rank 0",
              .found = fmt::format(
                  "no memory left to make the table of stage {} ({} {}), whose {} entries hold {}",
                  index, stage.spec->name, quoted(stage.name), with_separators(partial.entries()),
                  format_bytes(partial.memory_bytes())),
              .expected = "room for the table beside them",
              .fix = "run the same command with more memory (--memory): what was counted is kept"}
          .text());
}

void print_report(const RunDescription& run) {
  const std::string text = report_text(run, style_of_output());
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

Lead::Lead(Result<Plan>& plan, const RunRequest& request, RunDescription& description)
    : plan_(plan), request_(request), description_(description) {
  planned_before_ = description.seconds.plan;
  description = RunDescription();
  description_.started_utc = utc_now();
  description_.version = SHARDMILL_VERSION;
  if (plan_.is_ok()) units_.resize(plan_->units.size());
}

StartSetup Lead::prepare() {
  StartSetup setup;
  setup.status = plan_.is_ok() ? without_exceptions("rank 0", [&] { return prepare_folder(); })
                               : plan_.status();
  if (!setup.status.is_ok()) return setup;
  setup.plan = &plan();
  setup.parts_dir = run_dir_.parts_dir();
  setup.checkpoints = attempt_.checkpoints;
  setup.frozen = attempt_.frozen;
  for (const auto& unit : units_) {
    for (const SliceBooks& slice : unit) setup.records_before += slice.records;
  }
  return setup;
}

/// Temporary names stay the same over all attempts, so that none is left behind.
Status Lead::prepare_folder() {
  const std::string& path = request_.run_dir;
  std::optional<CheckpointIndex> before;
  if (!path.empty()) before = newest_index(checkpoint_folder(path));
  const std::string token = before ? before->token : new_token();
  const RunStatus told = read_run_status(path).value_or(RunStatus());  // opening may clear it away
  ASSIGN_OR_RETURN(outputs_, Outputs::plan(plan(), path, token));
  ASSIGN_OR_RETURN(run_dir_,
                   RunDir::open(path, request_.fresh, folder_for_parts(outputs_, request_)));
  RETURN_IF_ERROR(run_dir_.make_output_folders(outputs_.roots()));
  watch_ = StopWatch(time_limit_seconds(request_.time_limit), planned_before_,
                     path.empty() ? "" : path + "/STOP");
  if (!run_dir_.is_kept()) return {};
  attempt_.checkpoints.identity = run_identity(plan());
  before = newest_index(checkpoint_folder(path));  // another run may have come between
  if (can_resume(path)) {
    if (before) RETURN_IF_ERROR(check_same_run(*before));
  } else {
    RETURN_IF_ERROR(run_dir_.write_inputs(plan()));
  }
  return prepare_attempt(told);
}

Status Lead::check_same_run(const CheckpointIndex& before) const {
  if (before.identity == attempt_.checkpoints.identity) return {};
  std::string change = job_change(plan().message.job_text, first_job(request_.run_dir));
  if (change.empty()) {
    change = manifest_change(manifest_tsv(plan().manifest), first_manifest(request_.run_dir));
  }
  if (change.empty())
    change = "another version of the program, or a file that a stage reads or --replay names";
  return Status::usage(
      Message{.place = escaped(request_.run_dir),
              .found = "an unfinished run of another job or of other inputs: " + change,
              .expected = "the same job and inputs as when it began",
              .fix = "start over with --fresh, or choose another --run-dir"}
          .text());
}

AttemptSetup Lead::attempt_setup() const {
  return {.run_dir = request_.run_dir,
          .parts_dir = run_dir_.parts_dir(),
          .identity = attempt_.checkpoints.identity,
          .units = plan().units.size(),
          .token = outputs_.token(),
          .lock = run_dir_.lock_key(),
          .interval_seconds = plan().bound->job.run.checkpoint_seconds};
}

Status Lead::prepare_attempt(const RunStatus& told) {
  ASSIGN_OR_RETURN(attempt_, begin_attempt(attempt_setup()));
  // The first N records are those of the first units: a gap would count others.
  if (plan().bound->job.run.limit_records > 0) attempt_.checkpoints.folder.clear();
  RETURN_IF_ERROR(take_covered());
  before_ = done_so_far();
  description_.units_before = attempt_.covered.size();
  ASSIGN_OR_RETURN(attempts_,
                   AttemptLog::begin(request_.run_dir,
                                     {.identity = attempt_.checkpoints.identity,
                                      .least_number = attempt_.checkpoints.generation + 1,
                                      .units_before = description_.units_before,
                                      .begun = description_.started_utc,
                                      .last_started = told.started,
                                      .last_sign = told.updated,
                                      .slurm_job = own_slurm_job_number()},
                                     run_dir_.lock_key()));
  description_.attempt = attempts_.attempts().back().number;
  if (!attempt_.is_first()) {
    const uint64_t covered = before_.disk_bytes;
    description_.bytes_done_again =
        told.bytes_done_again + told.disk_bytes_read - std::min(told.disk_bytes_read, covered);
  }
  for (const std::string& message : attempt_.damaged) {
    description_.checkpoint_notes.push_back(message);
    if (!request_.quiet) fmt::print(stderr, "{}/{}\n", escaped(request_.run_dir), message);
  }
  return {};
}

/// Units of earlier attempts are as good as units of this one.
Status Lead::take_covered() {
  for (const CoveredUnit& unit : attempt_.covered) {
    RETURN_IF_ERROR(absorb_report(unit.unit, unit.report));
    const bool is_bad = !units_[unit.unit][0].error.empty();  // a range: its unit has one slice
    if (!plan().units[unit.unit].needs_handover || is_bad) continue;
    first_records_[unit.unit] = unit.first_record;
  }
  return {};
}

std::optional<std::string> Lead::stop_wish() {
  if (std::optional<std::string> reason = watch_.wish()) return reason;
  if (const std::optional<uint64_t> most = most_rejects(plan().bound->job.run.max_rejects)) {
    if (std::max(rejects_seen_, progress_->sum().rejected) > *most) {
      return std::string(kTooManyRejects);
    }
  }
  if (seconds_since(lock_checked_) < kLockSeconds) return std::nullopt;
  lock_checked_ = Clock::now();
  if (run_dir_.check_lock().is_ok()) return std::nullopt;
  return "another run, which has taken this run directory over";
}

void Lead::begin_work(const Start& start) {
  description_.memory_bytes = start.memory.share.bytes;
  description_.memory_source = start.memory.share.source;
  progress_ = std::make_unique<Progress>(
      ProgressSetup{.show = !request_.quiet,
                    .terminal = ::isatty(STDERR_FILENO) != 0,
                    .total_bytes = plan().manifest.total_bytes,
                    .total_units = plan().units.size(),
                    .stall_warning_seconds = plan().bound->job.run.stall_warning_seconds,
                    .hosts = start.hosts,
                    .before = before_,
                    .width = width_of_terminal(STDERR_FILENO)});
  hosts_ = start.hosts;
  attempts_.set_layout(start.hosts, start.threads);
}

DealerSetup Lead::dealer() const {
  DealerSetup setup;
  setup.one_at_a_time = plan().bound->job.run.limit_records > 0;
  setup.links = [this](uint64_t unit) {
    return ChainLinks{.needs = plan().units[unit].needs_handover,
                      .gives = plan().units[unit].gives_handover};
  };
  if (setup.one_at_a_time) {
    setup.order.resize(plan().units.size());
    std::iota(setup.order.begin(), setup.order.end(), uint64_t{0});
    if (done_so_far().records >= plan().bound->job.run.limit_records) setup.order.clear();
  } else {
    setup.order = dealing_order(plan().manifest, plan().units);
  }
  if (attempt_.covered.empty()) return setup;
  std::vector<bool> is_covered(plan().units.size());
  for (const CoveredUnit& unit : attempt_.covered) is_covered[unit.unit] = true;
  std::erase_if(setup.order, [&](uint64_t unit) { return is_covered[unit]; });
  for (const CoveredUnit& unit : attempt_.covered) {
    if (plan().units[unit.unit].gives_handover && !is_covered[unit.unit + 1]) {
      setup.known[unit.unit + 1] = {.value = unit.next};
    }
  }
  return setup;
}

std::string Lead::body_of(uint64_t item) {
  if (!work_start_) work_start_ = Clock::now();
  ByteWriter writer;
  expand_unit(plan().manifest, plan().units, item).encode(writer);
  return writer.take();
}

Status Lead::absorb(const Done& done) {
  if (done.item >= units_.size()) return damaged_message("unit report");
  RETURN_IF_ERROR(absorb_report(done.item, done.body));
  work_end_ = Clock::now();
  return check_handover(done);
}

Status Lead::absorb_report(uint64_t unit, std::string_view bytes) {
  ASSIGN_OR_RETURN(UnitReport report, UnitReport::decode(bytes));
  if (report.slices.size() != plan().units[unit].file_count) return damaged_message("unit report");
  for (size_t i = 0; i < report.slices.size(); ++i) {
    if (report.slices[i].file_index != plan().units[unit].first_file + i) {
      return damaged_message("unit report");
    }
  }
  RETURN_IF_ERROR(outputs_.add_unit(report, unit));
  for (const SliceBooks& slice : report.slices) rejects_seen_ += slice.rejected;
  units_[unit] = std::move(report.slices);
  return {};
}

/// The next range may have been covered by an earlier attempt, from where this one handed on then.
Status Lead::check_handover(const Done& done) const {
  const auto next = first_records_.find(done.item + 1);
  if (next == first_records_.end() || !done.next || *done.next == next->second) return {};
  const ManifestFile& file = plan().manifest.files[plan().units[done.item].first_file];
  return Status::failed(Message{
      .place = place_in_file(file.path, next->second),
      .found = fmt::format("the record before ends at byte {} now", with_separators(*done.next)),
      .expected = "where it ended in an earlier attempt",
      .fix = "the file has changed: start over with --fresh"}
                            .text());
}

void Lead::hear(int rank, const Heartbeat& heartbeat) {
  progress_->update(rank, heartbeat);
}

void Lead::tick() {
  progress_->tick();
  if (is_time_for_status()) run_dir_.write_status(status_of("running", progress_->sum()));
}

void Lead::tell(const Step& step) {
  if (step.name != step_.name) next_status_ = 0;
  step_ = step;
  progress_->tick(step_);
  if (is_time_for_status()) run_dir_.write_status(status_of("running", done_so_far()));
}

bool Lead::is_time_for_status() {
  const double elapsed = progress_->elapsed_seconds();
  if (elapsed < next_status_) return false;
  next_status_ = elapsed + kStatusSeconds;
  return true;
}

void Lead::end_work() {
  progress_->end();
}

Status Lead::conclude(Totals totals) {
  RETURN_IF_ERROR(describe(std::move(totals)));
  return judge();
}

Status Lead::describe(Totals totals) {
  const BoundJob& job = *plan().bound;
  description_.tables.clear();  // an attempt may have ended in the middle
  totals.make_partials(job);
  for (size_t i = 0; i < job.stages.size(); ++i) {
    if (totals.partials[i] == nullptr) continue;
    try {
      add_tables(i, *totals.partials[i]);
    } catch (const std::bad_alloc&) {
      return no_memory_for_table(job.stages[i], i, *totals.partials[i]);
    }
    totals.partials[i].reset();
  }
  description_.files = file_results(plan(), units_);
  description_.stages = stage_results(job, totals);
  for (size_t i = 0; i < job.job.stages.size(); ++i) {
    description_.stages[i].asked = asked_options(job.job.stages[i]);
  }
  description_.bad_records = totals.rejects.count();
  description_.bad_records_kept = bad_records(plan(), units_, totals.rejects);
  description_.bad_values = bad_value_counts(totals.rejects);
  description_.books_problems = check_balance(plan(), units_, totals);
  fill_sums();
  return {};
}

void Lead::add_tables(size_t stage, Partial& partial) {
  const PipelineStage& from = plan().bound->stages[stage];
  for (Table& table : from.bound->finish(partial)) {
    table.stage = stage;
    table.name = table_name(from.name, table.name);
    description_.tables.push_back(std::move(table));
  }
}

Status Lead::judge() const {
  if (!description_.books_problems.empty()) {
    return Status::failed("books: they do not balance: " + listed(description_.books_problems, 3) +
                          "; this is a mistake of shardmill's, the results cannot be trusted");
  }
  const Job& job = plan().bound->job;
  const std::string& most = job.run.max_rejects;
  const uint64_t rejects = description_.bad_records;
  if (!too_many_rejects(most, rejects, description_.records + rejects)) return {};
  return Status::failed(
      Message{.place = escaped(job.place),
              .found = fmt::format("{} of {}", counted(rejects, "rejected record"),
                                   with_separators(description_.records + rejects)),
              .expected = "at most " + most + " (max_rejects)",
              .fix = "look at bad_records.jsonl in the run directory, or raise run.max_rejects"}
          .text());
}

/// A run that was not read to its end because of `max_rejects`. How many rejects there are is known
/// to nobody.
Status Lead::judge_early(const std::string& reason) const {
  const std::string& most = plan().bound->job.run.max_rejects;
  const std::string example = reason.substr(kTooManyRejects.size());
  return Status::failed(Message{
      .place = escaped(plan().bound->job.place),
      .found = "stopped early by more than " + most + " rejected records" + example,
      .expected = "at most " + most + " (max_rejects)",
      .fix = "look at bad_records.jsonl in the run directory, or raise run.max_rejects: the "
             "same command goes on"}
                            .text());
}

// A run that stops early shows what another attempt would go on from: the units whose checkpoints
// are written, no others.
Status Lead::describe_partial() {
  const BoundJob& job = *plan().bound;
  ASSIGN_OR_RETURN(const Attempt so_far, covered_so_far(attempt_setup()));
  uint64_t bytes = 0;
  for (const FrozenFile& file : so_far.frozen) bytes += file.bytes;
  if (bytes > std::min(description_.memory_bytes / kShareOfMemoryForPartial, kPartialBytesMost)) {
    return {};
  }
  units_.assign(plan().units.size(), {});
  for (const CoveredUnit& unit : so_far.covered) {
    ASSIGN_OR_RETURN(UnitReport report, UnitReport::decode(unit.report));
    units_[unit.unit] = std::move(report.slices);
  }
  Totals totals(job);
  RETURN_IF_ERROR(merge_frozen(job, attempt_.checkpoints, so_far.frozen, totals));
  return describe(std::move(totals));
}

void Lead::fill_sums() {
  const Job& job = plan().bound->job;
  description_.job_name = job.name;
  description_.job_text = job.text;
  description_.input_paths = job.input.paths;
  if (!job.input.files_from.empty()) description_.input_paths = {job.input.files_from};
  description_.input_format = job.input.format_name;
  description_.run_dir = request_.run_dir;
  description_.rows_in_report = job.run.rows_in_report;
  description_.units = plan().units.size();
  description_.units_done = done_so_far().units;
  description_.bytes_total = plan().manifest.total_bytes;
  for (const FileResult& file : description_.files) {
    description_.plain_bytes += file.plain_bytes;
    description_.disk_bytes += file.disk_bytes;
    description_.records += file.records;
  }
}

Status Lead::finish_outputs() {
  std::vector<uint8_t> unread(plan().manifest.files.size(), 1);
  for (const auto& unit : units_) {
    for (const SliceBooks& slice : unit) {
      const bool counts = slice.error.empty() || slice.plain_bytes > 0;
      if (counts && slice.note != kNotReadNote) unread[slice.file_index] = 0;
    }
  }
  RETURN_IF_ERROR(outputs_.finish(plan().manifest, run_dir_.parts_dir(),
                                  [&](uint64_t file) { return unread[file] != 0; }));
  outputs_.remove_temporaries();  // of an attempt that was killed
  return {};
}

void Lead::fill_seconds() {
  RunSeconds& seconds = description_.seconds;
  const Clock::time_point first_deal = work_start_.value_or(work_end_);
  const Clock::time_point work_end = std::max(work_end_, first_deal);  // perhaps nothing was done
  seconds.plan = planned_before_ + between(start_, first_deal);
  seconds.work = between(first_deal, work_end);
  seconds.merge = seconds_since(work_end);
  seconds.total = planned_before_ + seconds_since(start_);
}

Status Lead::publish() {
  // Whatever is in the folder may be another run's now.
  RETURN_IF_ERROR(run_dir_.check_lock());
  std::vector<std::pair<std::string, uint64_t>> checksums;
  for (const FinalFile& file : outputs_.finals()) {
    description_.outputs.push_back(
        {.path = file.shown, .bytes = file.file_bytes, .records = file.rows});
    checksums.emplace_back(file.shown, file.checksum);
  }
  fill_seconds();
  end_attempt({});
  RETURN_IF_ERROR(run_dir_.write_books(description_));
  return run_dir_.write_results(description_, checksums);
}

/// That something of this cannot be written changes nothing: the run has ended for another reason.
void Lead::write_early_end(const Status& status) {
  outputs_.remove_temporaries();
  const bool stopped = status.code() == Code::kStopped && run_dir_.is_kept();
  if (stopped && description_.stages.empty()) {
    const Status partial = without_exceptions("partial.json", [&] { return describe_partial(); });
    if (!partial.is_ok()) description_.checkpoint_notes.push_back(partial.message());
  }
  if (stopped) description_.stopped_by = status.message();
  fill_seconds();
  end_attempt(status);
  if (has_books()) (void)run_dir_.write_books(description_);
  if (stopped && has_books()) (void)run_dir_.write_partial(description_);
}

void Lead::end_attempt(const Status& status) {
  const uint64_t units = done_so_far().units;
  attempts_.end(utc_now(), status, stopped_by_, units - std::min(units, description_.units_before));
  description_.attempts = attempts_.attempts();
}

void Lead::give_up(const Status& status) {
  if (!plan_.is_ok()) return;
  end_attempt(status);
  attempts_.write_end();
}

Status Lead::finish(const Status& status) {
  if (!plan_.is_ok()) return status;
  if (progress_) progress_->end();
  if (const Status lock = run_dir_.check_lock(); !lock.is_ok()) return lock;
  if (!status.is_ok()) write_early_end(status);
  const bool resumes = run_dir_.is_kept() && can_resume(request_.run_dir);
  const Status verdict = verdict_on(status, resumes);
  if (status.is_ok() || !resumes) run_dir_.remove_parts();
  RunStatus last = status_of(status.is_ok()                    ? "finished"
                             : status.code() == Code::kStopped ? "stopped"
                                                               : "failed",
                             done_so_far());
  last.reason = verdict.message();
  attempts_.write_end();
  run_dir_.write_status(last);
  write_trace_file();
  run_dir_.release();  // before a reader like `head` ends the program
  if (has_books() && !request_.quiet) print_report(description_);
  return verdict;
}

void Lead::add_rank(RankResult rank, std::string_view trace) {
  description_.ranks.push_back(std::move(rank));
  if (!request_.trace.empty()) traces_.push_back(RankTrace::decode(trace));
}

void Lead::add_step(TraceStep step) {
  if (!traces_.empty()) traces_[0].steps.push_back(std::move(step));
}

/// A run is as good without it, so that it cannot be written is told and no more.
void Lead::write_trace_file() const {
  if (traces_.empty()) return;
  const Status written =
      without_exceptions("the trace", [&] { return write_trace(request_.trace, plan(), traces_); });
  if (!written.is_ok()) fmt::print(stderr, "no trace was written: {}\n", written.message());
}

/// What the run's end is for who started it.
Status Lead::verdict_on(const Status& status, bool resumes) const {
  if (status.code() != Code::kStopped) return status;
  if (status.message().starts_with(kTooManyRejects)) return judge_early(status.message());
  if (!stopped_by_.empty()) return Status::stopped(stop_message(resumes));
  // What is not kept is not gone on from, unless somebody wanted the end.
  return run_dir_.is_kept() ? status : Status::failed(status.message());
}

/// The line that says why the run ended and how it goes on.
std::string Lead::stop_message(bool resumes) const {
  const Heartbeat done = done_so_far();
  return Message{
      .place = run_dir_.is_kept() ? escaped(request_.run_dir) : "shardmill",
      .found = fmt::format("stopped by {} with {} of {} done", stopped_by_,
                           with_separators(done.units), counted(plan().units.size(), "unit")),
      .expected = {},
      .fix = resumes ? "the same command goes on from there"
                     : "nothing is kept, the same command starts over"}
      .text();
}

/// `sum` is over all attempts. What this one read and did not commit counts as read.
RunStatus Lead::status_of(std::string_view state, const Heartbeat& sum) const {
  RunStatus status = {.state = std::string(state),
                      .job = plan().bound->job.name,
                      .started = description_.started_utc,
                      .updated = utc_now(),
                      .elapsed_seconds = progress_ ? progress_->elapsed_seconds() : 0,
                      .attempt = description_.attempt,
                      .units_done = sum.units,
                      .units = plan().units.size(),
                      .disk_bytes = sum.disk_bytes,
                      .disk_bytes_total = plan().manifest.total_bytes,
                      .disk_bytes_before = before_.disk_bytes,
                      .disk_bytes_read = sum.disk_bytes,
                      .bytes_done_again = description_.bytes_done_again,
                      .records = sum.records,
                      .bad_records = sum.rejected,
                      .step = state == "running" ? step_ : Step()};
  for (const RankResult& rank : description_.ranks) {
    status.disk_bytes_read += rank.abandoned_bytes;
    status.ranks.push_back({.host = rank.host,
                            .threads = rank.threads,
                            .units = rank.units,
                            .disk_bytes = rank.disk_bytes,
                            .records = rank.records});
  }
  if (state != "running" || !status.ranks.empty()) return status;
  const bool is_reading = step_.name.empty();  // later there are no heartbeats
  if (is_reading) status.stalls = progress_->stalls();
  for (const RankNews& news : progress_->ranks()) {
    const Heartbeat& heartbeat = news.heartbeat;
    status.ranks.push_back({.host = hosts_[status.ranks.size()],
                            .threads = heartbeat.threads,
                            .units = heartbeat.units,
                            .disk_bytes = heartbeat.disk_bytes,
                            .records = heartbeat.records,
                            .seconds_unheard = is_reading ? news.seconds_unheard : 0});
    if (is_reading) status.ranks.back().workers = heartbeat.workers;
  }
  return status;
}

Heartbeat Lead::done_so_far() const {
  Heartbeat sum = {.rejected = description_.bad_records};
  for (const auto& unit : units_) {
    sum.units += unit.empty() ? 0 : 1;
    for (const SliceBooks& slice : unit) {
      sum.disk_bytes += slice.disk_bytes;
      sum.records += slice.records;
    }
  }
  return sum;
}

}  // namespace shardmill
