// What ranks say to each other, and how it is written. Every message of the engine is here.
//
//   rank r                       rank 0
//     kReady      ----------->            this rank has so many workers
//                 <-----------   kDeal    an item of work, with all that it needs
//     kPrepared   ----------->            done up to the commit, which depends on the item before
//                 <-----------   kVerdict what the item before says
//     kDone       ----------->            committed: books, parts
//     kHeartbeat  ----------->            once a second
//     kFailure    ----------->            this rank cannot go on
//     kStopWish   ----------->            somebody wants the run to stop softly
//                 <-----------   kDrain   begin no more items
//     kDrained    ----------->            all workers of this rank rest
//                 <-----------   kEnd     of the phase, for all: ok or the first failure
//
// Then, once: kTotals up a tree of ranks, kRankResult to rank 0. Rank 0 talks to itself the same
// way. Readers trust nothing: a message that is not what it should be fails the run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/status.h"
#include "pipeline/comm/comm.h"

namespace shardmill {

enum class MessageKind : uint8_t {
  kReady = 1,
  kDeal,
  kPrepared,
  kVerdict,
  kDone,
  kHeartbeat,
  kFailure,
  kEnd,
  kTotals,
  kHello,
  kRankResult,
  kStopWish,
  kDrain,
  kDrained,
  kTotalsTaken,
};

/// A run has several phases of dealing (the work, then the outputs). The phase is part of the tag,
/// so that a message that comes late cannot be taken for one of the next phase.
enum class Phase : uint8_t { kOutside, kWork, kAssemble, kSeal };

MessageTag tag_of(MessageKind kind, Phase phase);
MessageKind kind_of(MessageTag tag);
Phase phase_of(MessageTag tag);

/// What an item learns from the item before it in its chain (see dealer.h).
struct Verdict {
  /// The number that the predecessor hands on; nothing if it has none to give (it failed): then the
  /// item's own assumption stands.
  std::optional<uint64_t> value;
};

/// An item that goes to a worker.
struct Deal {
  uint64_t item = 0;
  bool must_wait = false;          ///< the verdict is not known yet: prepare, then ask
  std::optional<Verdict> verdict;  ///< known already, for an item in a chain
  std::string body;                ///< what is to be done; only the phase's own code reads it

  std::string encode() const;
  static Result<Deal> decode(std::string_view bytes);
};

/// What a prepared item says of itself.
struct ChainReport {
  uint64_t assumed = 0;  ///< the value that it assumed its predecessor to hand on
  uint64_t next = 0;     ///< what it hands on (or adds, see ChainRule)
};

struct Prepared {
  uint64_t item = 0;
  ChainReport report;

  std::string encode() const;
  static Result<Prepared> decode(std::string_view bytes);
};

struct VerdictFor {
  uint64_t item = 0;
  Verdict verdict;

  std::string encode() const;
  static Result<VerdictFor> decode(std::string_view bytes);
};

struct Done {
  uint64_t item = 0;
  std::optional<uint64_t> next;  ///< what it hands on; nothing if it failed or is in no chain
  bool drop_rest = false;        ///< nothing else need be dealt (--limit is reached)
  std::string body;

  std::string encode() const;
  static Result<Done> decode(std::string_view bytes);
};

void encode_optional(ByteWriter& writer, const std::optional<uint64_t>& value);
std::optional<uint64_t> decode_optional(ByteReader& reader);

void encode_status(ByteWriter& writer, const Status& status);
/// A status that is not one of ours becomes kFailed.
Status decode_status(ByteReader& reader);

/// "the message kDone of rank 3 is damaged ...": our own mistake or a broken network.
Status damaged_message(std::string_view what);

/// A Comm whose messages can be received out of turn: the message waited for is given out, the
/// others are kept. One thread.
class Inbox {
 public:
  explicit Inbox(Comm& comm) : comm_(comm) {}

  Comm& comm() { return comm_; }
  /// The next message of `phase`, if one is there. Messages of other phases are kept.
  std::optional<IncomingMessage> poll(Phase phase);
  /// Waits for the message `kind` of rank `from`.
  std::string receive(MessageKind kind, int from);
  /// Collective. The message of rank 0, everywhere, even if it came while another was awaited (it
  /// travels over other ranks, so it may overtake what rank 0 sent before).
  std::string broadcast(std::string bytes);

 private:
  Comm& comm_;
  std::vector<IncomingMessage> kept_;
};

}  // namespace shardmill
