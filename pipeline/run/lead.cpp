#include "pipeline/run/lead.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <numeric>

#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/run/unit_report.h"

namespace shardmill {

namespace {

constexpr double kStatusSeconds = 3;

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

/// As wide as the terminal, within what the report is made for.
TextStyle style_of_output() {
  TextStyle style;
  winsize size = {};
  // mpirun gives its processes a terminal even where its own output is a file.
  if (launched_by_mpi() || ::isatty(STDOUT_FILENO) == 0) return style;
  style.colour = std::getenv("NO_COLOR") == nullptr;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = std::clamp<unsigned>(size.ws_col, 80, 120);
  }
  return style;
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
}

StartSetup Lead::prepare() {
  StartSetup setup;
  setup.status = plan_.is_ok() ? prepare_folder() : plan_.status();
  if (setup.status.is_ok()) {
    setup.plan = &plan();
    setup.parts_dir = run_dir_.parts_dir();
  }
  return setup;
}

Status Lead::prepare_folder() {
  ASSIGN_OR_RETURN(outputs_, Outputs::plan(plan(), request_.run_dir, new_token()));
  ASSIGN_OR_RETURN(run_dir_, RunDir::open(request_.run_dir, request_.fresh,
                                          folder_for_parts(outputs_, request_)));
  RETURN_IF_ERROR(run_dir_.write_inputs(plan()));
  return make_folders(outputs_.roots());
}

void Lead::begin_work(const Start& start) {
  units_.resize(plan().units.size());
  progress_ = std::make_unique<Progress>(
      ProgressSetup{.show = !request_.quiet,
                    .terminal = ::isatty(STDERR_FILENO) != 0,
                    .total_bytes = plan().manifest.total_bytes,
                    .total_units = plan().units.size(),
                    .stall_warning_seconds = plan().bound->job.run.stall_warning_seconds,
                    .hosts = start.hosts});
}

DealerSetup Lead::dealer() const {
  DealerSetup setup;
  setup.one_at_a_time = plan().bound->job.run.limit_records > 0;
  setup.links = [this](uint64_t unit) {
    return ChainLinks{.needs = plan().units[unit].needs_handover,
                      .gives = plan().units[unit].gives_handover};
  };
  if (!setup.one_at_a_time) {
    setup.order = dealing_order(plan().manifest, plan().units);
    return setup;
  }
  setup.order.resize(plan().units.size());
  std::iota(setup.order.begin(), setup.order.end(), uint64_t{0});
  return setup;
}

std::string Lead::body_of(uint64_t item) {
  if (!work_start_) work_start_ = Clock::now();
  ByteWriter writer;
  expand_unit(plan().manifest, plan().units, item).encode(writer);
  return writer.take();
}

Status Lead::absorb(const Done& done) {
  ASSIGN_OR_RETURN(UnitReport report, UnitReport::decode(done.body));
  if (done.item >= units_.size() || report.slices.size() != plan().units[done.item].file_count) {
    return damaged_message("unit report");
  }
  for (size_t i = 0; i < report.slices.size(); ++i) {
    if (report.slices[i].file_index != plan().units[done.item].first_file + i) {
      return damaged_message("unit report");
    }
  }
  RETURN_IF_ERROR(outputs_.add_unit(report, done.item));
  units_[done.item] = std::move(report.slices);
  work_end_ = Clock::now();
  return {};
}

void Lead::hear(int rank, const Heartbeat& heartbeat) {
  progress_->update(rank, heartbeat);
}

void Lead::tick() {
  progress_->tick();
  const double elapsed = progress_->elapsed_seconds();
  if (elapsed < next_status_) return;
  next_status_ = elapsed + kStatusSeconds;
  run_dir_.write_status("running", progress_->sum(), plan(), elapsed);
}

void Lead::end_work() {
  progress_->end();
}

Status Lead::conclude(Totals totals) {
  const BoundJob& job = *plan().bound;
  totals.make_partials(job);
  for (size_t i = 0; i < job.stages.size(); ++i) {
    if (totals.partials[i] == nullptr) continue;
    for (Table& table : job.stages[i].bound->finish(*totals.partials[i])) {
      table.stage = i;
      table.name = table_name(job.stages[i].name, table.name);
      description_.tables.push_back(std::move(table));
    }
    totals.partials[i].reset();
  }
  description_.files = file_results(plan(), units_);
  description_.stages = stage_results(job, totals);
  description_.bad_records = totals.rejects.count();
  description_.bad_records_kept = bad_records(plan(), units_, totals.rejects);
  description_.bad_values = bad_value_counts(totals.rejects);
  description_.books_problems = check_balance(plan(), units_, totals);
  fill_sums();
  if (!description_.books_problems.empty()) {
    return Status::failed("books: they do not balance: " + listed(description_.books_problems, 3) +
                          "; this is a mistake of shardmill's, the results cannot be trusted");
  }
  const std::string& most = job.job.run.max_rejects;
  const uint64_t rejects = totals.rejects.count();
  if (!too_many_rejects(most, rejects, description_.records + rejects)) return {};
  return Status::failed(
      Message{.place = escaped(job.job.place),
              .found = fmt::format("{} of {}", counted(rejects, "rejected record"),
                                   with_separators(description_.records + rejects)),
              .expected = "at most " + most + " (max_rejects)",
              .fix = "look at bad_records.jsonl in the run directory, or raise run.max_rejects"}
          .text());
}

void Lead::fill_sums() {
  const Job& job = plan().bound->job;
  description_.job_name = job.name;
  description_.run_dir = request_.run_dir;
  description_.rows_in_report = job.run.rows_in_report;
  description_.units = plan().units.size();
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
      if (slice.error.empty() && slice.note != kNotReadNote) unread[slice.file_index] = 0;
    }
  }
  return outputs_.finish(plan().manifest, run_dir_.parts_dir(),
                         [&](uint64_t file) { return unread[file] != 0; });
}

void Lead::fill_seconds() {
  RunSeconds& seconds = description_.seconds;
  const Clock::time_point first_deal = work_start_.value_or(work_end_);
  seconds.plan = planned_before_ + between(start_, first_deal);
  seconds.work = between(first_deal, work_end_);
  seconds.merge = seconds_since(work_end_);
  seconds.total = planned_before_ + seconds_since(start_);
}

Status Lead::finish(const Status& status) {
  if (!plan_.is_ok()) return status;
  if (!status.is_ok()) outputs_.remove_temporaries();
  std::vector<std::pair<std::string, uint64_t>> checksums;
  for (const FinalFile& file : outputs_.finals()) {
    if (!status.is_ok()) break;
    description_.outputs.push_back(
        {.path = file.shown, .bytes = file.file_bytes, .records = file.rows});
    checksums.emplace_back(file.shown, file.checksum);
  }
  fill_seconds();
  const bool has_books = !description_.stages.empty() || !description_.files.empty();
  Status result = status;
  if (has_books) {
    const Status written = run_dir_.write_books(description_);
    if (result.is_ok()) result = written;
  }
  if (result.is_ok()) result = run_dir_.write_results(description_, checksums);
  run_dir_.remove_parts();
  run_dir_.write_status(result.is_ok() ? "finished" : "failed", done_so_far(), plan(),
                        seconds_since(start_));
  if (has_books && !request_.quiet) print_report(description_);
  return result;
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

uint64_t peak_rss_bytes() {
  // VmHWM is this program's own; ru_maxrss also remembers what started it.
  if (std::FILE* file = std::fopen("/proc/self/status", "re")) {
    char line[256];
    uint64_t kibibytes = 0;
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, "VmHWM:", 6) == 0) kibibytes = std::strtoull(line + 6, nullptr, 10);
    }
    std::fclose(file);
    if (kibibytes > 0) return kibibytes * 1024;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

std::string encode_rank_result(const RankResult& rank) {
  ByteWriter writer;
  writer.text(rank.host);
  writer.u32(rank.threads);
  for (const uint64_t value :
       {rank.units, rank.disk_bytes, rank.records, rank.peak_rss_bytes, rank.redone_units}) {
    writer.varint(value);
  }
  writer.f64(rank.busy_seconds);
  return writer.take();
}

RankResult decode_rank_result(std::string_view bytes) {
  ByteReader reader(bytes);
  RankResult rank;
  rank.host = reader.text();
  rank.threads = reader.u32();
  for (uint64_t* value :
       {&rank.units, &rank.disk_bytes, &rank.records, &rank.peak_rss_bytes, &rank.redone_units}) {
    *value = reader.varint();
  }
  rank.busy_seconds = reader.f64();
  return rank;
}

}  // namespace shardmill
