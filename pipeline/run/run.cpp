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
void gather_ranks(Inbox& inbox, const RankResult& own, Lead* lead) {
  if (lead == nullptr) {
    inbox.comm().send(0, tag_of(MessageKind::kRankResult, Phase::kOutside),
                      encode_rank_result(own));
    return;
  }
  lead->add_rank(own);
  for (int rank = 1; rank < inbox.comm().size(); ++rank) {
    lead->add_rank(decode_rank_result(inbox.receive(MessageKind::kRankResult, rank)));
  }
}

/// Why this rank would have the run stop: its signals, and on rank 0 its watch.
std::function<std::optional<std::string>()> stop_wish(const RunRequest& request, Lead* lead) {
  return [&request, lead]() -> std::optional<std::string> {
    if (request.stop_wish) {
      if (std::optional<std::string> reason = request.stop_wish()) return reason;
    }
    return lead != nullptr ? lead->stop_wish() : std::nullopt;
  };
}

/// Collective. From the first deal to the user's files; the same Status on every rank.
Status work_and_assemble(Inbox& inbox, const Start& start, const RunRequest& request, Lead* lead) {
  RankWork work(start);
  const auto wish = stop_wish(request, lead);
  if (const Status status = work.run(inbox, lead, wish); !status.is_ok()) {
    // Only when all ranks have come here are their last checkpoints there.
    gather_ranks(inbox, work.result(inbox.comm().host()), lead);
    return status;
  }
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
  Status assembled;
  if (writes_outputs(*start.job)) {
    assembled = assemble(inbox, {.parts_dir = start.parts_dir,
                                 .place = start.place,
                                 .threads = start.threads,
                                 .stop_wish = wish,
                                 .outputs = lead ? &lead->outputs() : nullptr});
  }
  // Only now is nobody at work on temporary files.
  gather_ranks(inbox, work.result(inbox.comm().host()), lead);
  return assembled;
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
  ASSIGN_OR_RETURN(const Start start, start_together(inbox, lead ? &setup : nullptr, request));
  Status status = work_and_assemble(inbox, start, request, lead.get());
  if (lead != nullptr) {
    status = without_exceptions(start.place, [&] { return lead->finish(status); });
  }
  return agree(inbox, status);
}

}  // namespace shardmill
