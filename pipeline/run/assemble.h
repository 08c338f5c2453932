// The user's files from the parts that units left, by all ranks at once.
//
// Two phases of dealing. First every block is copied, or compressed as one member or frame of
// exactly 4 MiB of plain bytes; a packed block's place is known when the block before it has its
// size, so blocks of one file form a chain (dealer.h), and a worker holds at most one that waits.
// Then every file is read once for its checksum, made durable and renamed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pipeline/base/status.h"
#include "pipeline/base/work_clock.h"
#include "pipeline/run/outputs.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/protocol.h"
#include "pipeline/run/run_lock.h"

namespace shardmill {

struct AssembleSetup {
  std::string parts_dir;
  std::string place;  ///< this rank in messages
  unsigned threads = 1;
  std::function<std::optional<std::string>()> stop_wish = {};  ///< see PhaseSetup
  std::string* stopped_by = nullptr;                           ///< see PhaseSetup
  LockKey lock = {};                                           ///< of the run directory
  std::function<void(const Step&)> news = {};                  ///< rank 0 only; called often
  Outputs* outputs = nullptr;  ///< rank 0 only; gets sizes and checksums
  std::function<WorkClock*(unsigned worker)> clock_of = {};  ///< told what it does; may be empty
  std::function<void()> tick = {};                           ///< see PhaseSetup
};

/// Collective. The same Status on every rank.
Status assemble(Inbox& inbox, const AssembleSetup& setup);

}  // namespace shardmill
