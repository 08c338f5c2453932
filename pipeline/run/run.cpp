#include "pipeline/run/run.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "pipeline/run/assemble.h"
#include "pipeline/run/lead.h"
#include "pipeline/run/rank_work.h"

namespace shardmill {

namespace {

bool writes_outputs(const BoundJob& job) {
  return std::any_of(job.stages.begin(), job.stages.end(),
                     [](const PipelineStage& stage) { return stage.output.has_value(); });
}

/// Collective. Rank 0's status, everywhere.
Status agree(Inbox& inbox, const Status& status) {
  ByteWriter writer;
  encode_status(writer, status);
  const std::string decision = inbox.broadcast(writer.take());
  ByteReader reader(decision);
  return decode_status(reader);
}

/// Collective. Everybody's figures, at rank 0.
void gather_ranks(Inbox& inbox, RankWork& work, Lead* lead) {
  const std::string host = inbox.comm().host();
  const RankResult own = work.result(host);
  const std::string trace = work.take_trace(host);
  if (lead == nullptr) {
    ByteWriter writer;
    writer.text(encode_rank_result(own));
    writer.text(trace);
    inbox.comm().send(0, tag_of(MessageKind::kRankResult, Phase::kOutside), writer.take());
    return;
  }
  lead->add_rank(own, trace);
  for (int rank = 1; rank < inbox.comm().size(); ++rank) {
    const std::string message = inbox.receive(MessageKind::kRankResult, rank);
    ByteReader reader(message);
    const RankResult result = decode_rank_result(reader.text());
    lead->add_rank(result, reader.text());
  }
}

/// Collective. Rank 0 returns when all others have come here.
void wait_for_all(Inbox& inbox) {
  if (inbox.comm().rank() != 0) {
    inbox.comm().send(0, tag_of(MessageKind::kRankResult, Phase::kOutside), {});
    return;
  }
  for (int rank = 1; rank < inbox.comm().size(); ++rank) {
    inbox.receive(MessageKind::kRankResult, rank);
  }
}

using StopWish = std::function<std::optional<std::string>()>;

/// Why this rank would have the run stop: its signals, and on rank 0 its watch.
StopWish stop_wish(const RunRequest& request, Lead* lead) {
  return [&request, lead]() -> std::optional<std::string> {
    if (request.stop_wish) {
      if (std::optional<std::string> reason = request.stop_wish()) return reason;
    }
    return lead != nullptr ? lead->stop_wish() : std::nullopt;
  };
}

/// Collective. What all units add up to, and the user's files; the same Status on every rank.
Status bring_together(Inbox& inbox, const Start& start, RankWork& work, const StopWish& wish,
                      Lead* lead) {
  work.begin_step("merge");
  if (lead != nullptr) lead->tell({.name = "merge"});
  Result<Totals> totals = merge_ranks(inbox, *start.job, work.merge(), start.place);
  Status concluded;
  if (lead != nullptr) {
    concluded = without_exceptions(start.place, [&] {
      RETURN_IF_ERROR(totals.status());
      RETURN_IF_ERROR(lead->conclude(std::move(*totals)));
      return lead->finish_outputs();
    });
  }
  RETURN_IF_ERROR(agree(inbox, concluded));
  if (!writes_outputs(*start.job)) return {};
  work.begin_step("write outputs");
  return assemble(inbox, {.parts_dir = start.parts_dir,
                          .place = start.place,
                          .threads = start.threads,
                          .stop_wish = wish,
                          .stopped_by = lead ? lead->stopped_by() : nullptr,
                          .lock = start.checkpoints.lock,
                          .news = [lead](const Step& step) { lead->tell(step); },
                          .outputs = lead ? &lead->outputs() : nullptr,
                          .clock_of = [&work](unsigned worker) { return work.clock_of(worker); },
                          .tick = [&work] { work.tick(); }});
}

/// Collective. Rank 0 writes what was found; the same Status on every rank.
Status publish(Inbox& inbox, const Start& start, Lead* lead) {
  Status published;
  if (lead != nullptr) {
    const uint64_t begin_ns = WorkClock::now_ns();
    published = without_exceptions(start.place, [&] { return lead->publish(); });
    lead->add_step({.name = "write results", .begin_ns = begin_ns, .end_ns = WorkClock::now_ns()});
  }
  return agree(inbox, published);
}

/// Collective. From the first deal to the results; the same Status on every rank.
Status work_and_publish(Inbox& inbox, const Start& start, const RunRequest& request, Lead* lead) {
  RankWork work(start);
  const StopWish wish = stop_wish(request, lead);
  Status status = work.run(inbox, lead, wish);
  const bool is_worked = status.is_ok();
  if (is_worked) status = bring_together(inbox, start, work, wish, lead);
  // Only when all ranks have come here are their last checkpoints there, and only now is nobody at
  // work on temporary files.
  gather_ranks(inbox, work, lead);
  if (status.is_ok()) status = publish(inbox, start, lead);
  if (is_worked && status.code() == Code::kStopped) {
    work.keep_last_checkpoints();
    wait_for_all(inbox);
  }
  return status;
}

}  // namespace

// Rank 0 leads: it has the plan, deals the units, and writes what the run leaves behind. All ranks,
// rank 0 too, work alike.
Status run_job(Comm& comm, Result<Plan>* plan, const RunRequest& request,
               RunDescription* description) {
  Inbox inbox(comm);
  RunDescription not_asked_for;
  std::unique_ptr<Lead> lead;
  StartSetup setup;
  if (comm.rank() == 0) {
    lead = std::make_unique<Lead>(*plan, request, description ? *description : not_asked_for);
    setup = lead->prepare();
  }
  const Result<Start> start = start_together(inbox, lead ? &setup : nullptr, request);
  if (!start.is_ok()) {
    if (lead != nullptr) lead->give_up(start.status());
    return start.status();
  }
  Status status = work_and_publish(inbox, *start, request, lead.get());
  if (lead != nullptr) {
    status = without_exceptions(start->place, [&] { return lead->finish(status); });
  }
  return agree(inbox, status);
}

}  // namespace shardmill
