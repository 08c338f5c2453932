#include "pipeline/run/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "pipeline/base/bytes.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/base/work_clock.h"
#include "pipeline/report/json_object.h"
#include "pipeline/run/durable.h"

namespace shardmill {

namespace {

constexpr uint64_t kWorkersMost = 4096;  ///< with spans
constexpr size_t kLeastSpans = 64;
constexpr size_t kMostSpans = 50'000;
constexpr size_t kPathBytesMost = 200;
constexpr size_t kFlushBytes = 1 << 20;
constexpr std::string_view kHead = "{\"traceEvents\": [";

/// Behind "stage 2 ".
std::string stage_label(const PipelineStage& stage) {
  const std::string use = stage.spec->name;
  return stage.name.empty() || stage.name == use ? use : use + " " + escaped(stage.name);
}

/// The names of activities, by number.
std::vector<std::string> activity_names(const BoundJob& job) {
  std::vector<std::string> names = {"wait",   "read",       "decode",      "parse",        "unit",
                                    "commit", "checkpoint", "write block", "finish output"};
  for (size_t i = 0; i < job.stages.size(); ++i) {
    names.push_back(fmt::format("stage {} {}", i, stage_label(job.stages[i])));
  }
  return names;
}

std::string short_path(const std::string& path) {
  const std::string text = quoted(path, kPathBytesMost);
  return text.substr(1, text.size() - 2);
}

/// A trace as text, handed on in pieces. Processes and threads count from 1: to the viewers 0 is
/// the idle process of a system.
class TraceText {
 public:
  TraceText(const Plan& plan, const std::vector<RankTrace>& ranks, const TakeBytes& take)
      : plan_(plan), ranks_(ranks), take_(take), names_(activity_names(*plan.bound)) {
    for (const RankTrace& rank : ranks) ready_ = std::max(ready_, rank.start_up_seconds);
  }

  Status write() {
    text_ = kHead;
    for (size_t rank = 0; rank < ranks_.size(); ++rank) RETURN_IF_ERROR(add_rank(rank));
    text_ += "\n],\n\"displayTimeUnit\": \"ms\",\n\"otherData\": " + about() + "}\n";
    return flush();
  }

 private:
  Status add_rank(size_t rank) {
    const RankTrace& trace = ranks_[rank];
    const size_t process = rank + 1;
    add_name("process_name", process, 0, fmt::format("rank {} ({})", rank, escaped(trace.host)));
    add(fmt::format(
        R"({{"name": "process_sort_index", "ph": "M", "pid": {}, "args": {{"sort_index": {}}}}})",
        process, rank));
    add_name("thread_name", process, 1, "main");
    const double born = ready_ - trace.start_up_seconds;
    add_span({process, 1}, "start-up", born * 1e6, ready_ * 1e6, {});
    for (const TraceStep& step : trace.steps) {
      add_span({process, 1}, step.name, micros(trace, step.begin_ns), micros(trace, step.end_ns),
               {});
    }
    for (size_t worker = 0; worker < trace.workers.size(); ++worker) {
      RETURN_IF_ERROR(add_worker(trace, {process, worker + 2}, worker));
    }
    return flush();
  }

  struct Track {
    size_t process = 0;
    size_t thread = 0;
  };

  Status add_worker(const RankTrace& trace, const Track& track, size_t worker) {
    const SpanLog::Kept& kept = trace.workers[worker];
    left_out_ += kept.left_out;
    add_name("thread_name", track.process, track.thread,
             fmt::format("worker {}", worker) + share_shown(kept));
    for (const WorkedSpan& span : kept.spans) {
      const std::string& name =
          span.activity < names_.size() ? names_[span.activity] : names_.front();
      add_span(track, name, micros(trace, span.begin_ns), micros(trace, span.end_ns),
               about_unit(span));
      if (text_.size() >= kFlushBytes) RETURN_IF_ERROR(flush());
    }
    return {};
  }

  /// " (1 of 4 units, 1 of 8 chunks)": gaps in such a row are no waits.
  static std::string share_shown(const SpanLog::Kept& kept) {
    std::string text;
    if (kept.unit_stride > 1) text = fmt::format("1 of {} units", kept.unit_stride);
    if (kept.chunk_stride > 1) {
      text += fmt::format("{}1 of {} chunks", text.empty() ? "" : ", ", kept.chunk_stride);
    }
    return text.empty() ? text : " (" + text + ")";
  }

  std::string about_unit(const WorkedSpan& span) const {
    if (span.about >= plan_.units.size()) return {};
    const UnitRange& unit = plan_.units[span.about];
    JsonObject about;
    about.integer("unit", span.about).text("file", short_path(path_of(unit)));
    if (unit.file_count > 1) about.integer("files", unit.file_count);
    if (unit.begin > 0 || unit.end != kEndOfFile) about.integer("begin", unit.begin);
    return about.str();
  }

  std::string path_of(const UnitRange& unit) const {
    const auto& files = plan_.manifest.files;
    return unit.first_file < files.size() ? files[unit.first_file].path : std::string();
  }

  /// On the axis of the trace. What began before the rank could work began then.
  double micros(const RankTrace& trace, uint64_t at_ns) const {
    const uint64_t since = at_ns - std::min(at_ns, trace.work_begin_ns);
    return ready_ * 1e6 + static_cast<double>(since) / 1e3;
  }

  void add_name(std::string_view kind, size_t process, size_t thread, const std::string& name) {
    const std::string of_thread = thread > 0 ? fmt::format("\"tid\": {}, ", thread) : "";
    add(fmt::format(R"({{"name": "{}", "ph": "M", "pid": {}, {}"args": {{"name": {}}}}})", kind,
                    process, of_thread, json_text(name)));
  }

  void add_span(const Track& track, const std::string& name, double begin, double end,
                const std::string& args) {
    add(fmt::format(
        R"({{"name": {}, "ph": "X", "pid": {}, "tid": {}, "ts": {:.3f}, "dur": {:.3f}{}{}}})",
        json_text(name), track.process, track.thread, begin, std::max(0.0, end - begin),
        args.empty() ? "" : ", \"args\": ", args));
  }

  void add(const std::string& event) {
    text_ += is_first_ ? "\n" : ",\n";
    is_first_ = false;
    text_ += event;
  }

  std::string about() const {
    size_t told = 0;
    for (const RankTrace& rank : ranks_) told += rank.workers.empty() ? 0 : 1;
    return JsonObject()
        .text("job", plan_.bound->job.name)
        .text("version", SHARDMILL_VERSION)
        .integer("ranks", ranks_.size())
        .integer("ranks_with_workers", told)
        .integer("spans_left_out", left_out_)
        .str();
  }

  Status flush() {
    RETURN_IF_ERROR(take_(text_));
    text_.clear();
    return {};
  }

  const Plan& plan_;
  const std::vector<RankTrace>& ranks_;
  const TakeBytes& take_;
  const std::vector<std::string> names_;
  double ready_ = 0;  ///< seconds from the start of the first process until work began
  bool is_first_ = true;
  uint64_t left_out_ = 0;
  std::string text_;
};

void encode_spans(ByteWriter& writer, const SpanLog::Kept& kept, uint64_t from_ns) {
  writer.varint(kept.left_out);
  writer.varint(kept.unit_stride);
  writer.varint(kept.chunk_stride);
  writer.varint(kept.spans.size());
  for (const WorkedSpan& span : kept.spans) {
    // In the order of their begin, none before `from_ns`: small numbers.
    writer.varint(span.begin_ns - from_ns);
    writer.varint(span.end_ns - span.begin_ns);
    writer.varint(span.about + 1);  // nothing is the largest number
    writer.varint(span.activity);
    writer.varint(span.depth);
    from_ns = span.begin_ns;
  }
}

SpanLog::Kept decode_spans(ByteReader& reader, uint64_t from_ns) {
  SpanLog::Kept kept = {
      .left_out = reader.varint(), .unit_stride = reader.varint(), .chunk_stride = reader.varint()};
  const uint64_t count = reader.varint();
  if (!reader.count_fits(count, 5)) return {};
  for (uint64_t i = 0; i < count; ++i) {
    WorkedSpan span;
    span.begin_ns = from_ns + reader.varint();
    span.end_ns = span.begin_ns + reader.varint();
    span.about = reader.varint() - 1;
    span.activity = static_cast<uint32_t>(reader.varint());
    span.depth = static_cast<uint32_t>(reader.varint());
    from_ns = span.begin_ns;
    kept.spans.push_back(span);
  }
  return kept;
}

bool is_trace_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  std::string head(kHead.size(), '\0');
  head.resize(std::fread(head.data(), 1, head.size(), file));
  std::fclose(file);
  return head == kHead;
}

}  // namespace

std::string RankTrace::encode() const {
  ByteWriter writer;
  writer.text(host);
  writer.f64(start_up_seconds);
  writer.varint(work_begin_ns);
  writer.varint(steps.size());
  for (const TraceStep& step : steps) {
    writer.text(step.name);
    writer.varint(step.begin_ns);
    writer.varint(step.end_ns);
  }
  writer.varint(workers.size());
  for (const SpanLog::Kept& worker : workers) encode_spans(writer, worker, work_begin_ns);
  return writer.take();
}

RankTrace RankTrace::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  RankTrace trace;
  trace.host = reader.text();
  trace.start_up_seconds = reader.f64();
  trace.work_begin_ns = reader.varint();
  const uint64_t steps = reader.varint();
  if (!reader.count_fits(steps, 3)) return {};
  for (uint64_t i = 0; i < steps; ++i) {
    TraceStep step;
    step.name = reader.text();
    step.begin_ns = reader.varint();
    step.end_ns = reader.varint();
    trace.steps.push_back(std::move(step));
  }
  const uint64_t workers = reader.varint();
  if (!reader.count_fits(workers, 4)) return {};
  for (uint64_t i = 0; i < workers && !reader.failed(); ++i) {
    trace.workers.push_back(decode_spans(reader, trace.work_begin_ns));
  }
  return reader.done() ? trace : RankTrace();
}

size_t trace_capacity(int rank, int ranks, unsigned threads) {
  const uint64_t workers = static_cast<uint64_t>(ranks) * threads;
  const uint64_t every = (workers + kWorkersMost - 1) / kWorkersMost;
  if (static_cast<uint64_t>(rank) % std::max<uint64_t>(every, 1) != 0) return 0;
  const uint64_t told = std::max<uint64_t>(1, std::min(workers, kWorkersMost));
  return std::clamp(static_cast<size_t>(kTraceSpansMost / told), kLeastSpans, kMostSpans);
}

RankTracer::RankTracer(const Setup& setup) {
  trace_.start_up_seconds = setup.start_up_seconds;
  trace_.work_begin_ns = WorkClock::now_ns();
  for (unsigned i = 0; i < setup.workers && setup.capacity > 0; ++i) {
    logs_.emplace_back(setup.capacity, trace_.work_begin_ns);
  }
  begin_step("work");
}

void RankTracer::begin_step(std::string name) {
  const uint64_t now = WorkClock::now_ns();
  if (!trace_.steps.empty()) trace_.steps.back().end_ns = now;
  trace_.steps.push_back({.name = std::move(name), .begin_ns = now});
}

RankTrace RankTracer::take(const std::string& host) {
  const uint64_t now = WorkClock::now_ns();
  trace_.steps.back().end_ns = now;
  trace_.host = host;
  for (SpanLog& log : logs_) {
    log.finish(now);
    trace_.workers.push_back(log.take());
  }
  return std::move(trace_);
}

Status check_trace_path(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto refuse = [&](std::string found, std::string expected) {
    return Status::usage(Message{.place = "shardmill: --trace " + quoted(path, 400),
                                 .found = std::move(found),
                                 .expected = std::move(expected),
                                 .fix = "choose another file"}
                             .text());
  };
  if (!fs::is_directory(folder_of(path), error))
    return refuse("there is no such folder", "one that is there");
  const fs::file_status there = fs::symlink_status(path, error);
  if (name_of(path).empty() || fs::is_directory(there)) return refuse("is a folder", "a file");
  if (!fs::exists(there)) return {};
  if (!fs::is_regular_file(there) || !is_trace_file(path)) {
    return refuse("holds something else", "a new file, or a trace, which is replaced");
  }
  return {};
}

Status write_trace(const std::string& path, const Plan& plan, const std::vector<RankTrace>& ranks) {
  constexpr unsigned kForAll = 0666;
  RETURN_IF_ERROR(check_trace_path(path));  // the run itself may have written there since
  const WriteBytes write = [&](const TakeBytes& take) {
    return TraceText(plan, ranks, take).write();
  };
  return write_durably(folder_of(path), name_of(path), write, {}, kForAll);
}

}  // namespace shardmill
