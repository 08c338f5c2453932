#include "pipeline/run/protocol.h"

#include <algorithm>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr MessageTag kKinds = 16;

template <typename T>
Result<T> checked(T value, ByteReader& reader, std::string_view what) {
  if (!reader.done()) return damaged_message(what);
  return value;
}

void encode_verdict(ByteWriter& writer, const Verdict& verdict) {
  encode_optional(writer, verdict.value);
}

Verdict decode_verdict(ByteReader& reader) {
  return {.value = decode_optional(reader)};
}

}  // namespace

MessageTag tag_of(MessageKind kind, Phase phase) {
  return static_cast<MessageTag>(phase) * kKinds + static_cast<MessageTag>(kind);
}

MessageKind kind_of(MessageTag tag) {
  return static_cast<MessageKind>(tag % kKinds);
}

Phase phase_of(MessageTag tag) {
  return static_cast<Phase>(tag / kKinds);
}

void encode_optional(ByteWriter& writer, const std::optional<uint64_t>& value) {
  writer.u8(value ? 1 : 0);
  if (value) writer.u64(*value);
}

std::optional<uint64_t> decode_optional(ByteReader& reader) {
  if (reader.u8() == 0) return std::nullopt;
  return reader.u64();
}

void encode_status(ByteWriter& writer, const Status& status) {
  writer.u8(static_cast<uint8_t>(status.code()));
  writer.text(status.message());
}

Status decode_status(ByteReader& reader) {
  const uint8_t code = reader.u8();
  std::string message(reader.text());
  if (reader.failed() || code > static_cast<uint8_t>(Code::kStopped)) {
    return damaged_message("status");
  }
  return {static_cast<Code>(code), std::move(message)};
}

Status damaged_message(std::string_view what) {
  return Status::failed(Message{.place = "engine",
                                .found = "a damaged message (" + std::string(what) + ")",
                                .expected = "what another rank of the same program wrote",
                                .fix = "check that all ranks run the same version of shardmill"}
                            .text());
}

std::string Deal::encode() const {
  ByteWriter writer;
  writer.u64(item);
  writer.u8(static_cast<uint8_t>((must_wait ? 1 : 0) | (verdict ? 2 : 0)));
  if (verdict) encode_verdict(writer, *verdict);
  writer.text(body);
  return writer.take();
}

Result<Deal> Deal::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  Deal deal;
  deal.item = reader.u64();
  const uint8_t flags = reader.u8();
  deal.must_wait = (flags & 1) != 0;
  if ((flags & 2) != 0) deal.verdict = decode_verdict(reader);
  deal.body = reader.text();
  return checked(std::move(deal), reader, "deal");
}

std::string Prepared::encode() const {
  ByteWriter writer;
  for (const uint64_t value : {item, report.assumed, report.next}) writer.u64(value);
  return writer.take();
}

Result<Prepared> Prepared::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  Prepared prepared;
  prepared.item = reader.u64();
  prepared.report.assumed = reader.u64();
  prepared.report.next = reader.u64();
  return checked(prepared, reader, "prepared");
}

std::string VerdictFor::encode() const {
  ByteWriter writer;
  writer.u64(item);
  encode_verdict(writer, verdict);
  return writer.take();
}

Result<VerdictFor> VerdictFor::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  VerdictFor verdict;
  verdict.item = reader.u64();
  verdict.verdict = decode_verdict(reader);
  return checked(verdict, reader, "verdict");
}

std::string Done::encode() const {
  ByteWriter writer;
  writer.u64(item);
  encode_optional(writer, next);
  writer.u8(drop_rest ? 1 : 0);
  writer.text(body);
  return writer.take();
}

Result<Done> Done::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  Done done;
  done.item = reader.u64();
  done.next = decode_optional(reader);
  done.drop_rest = reader.u8() != 0;
  done.body = reader.text();
  return checked(std::move(done), reader, "done");
}

std::optional<IncomingMessage> Inbox::poll(Phase phase) {
  const auto kept = std::find_if(kept_.begin(), kept_.end(), [&](const IncomingMessage& message) {
    return phase_of(message.tag) == phase;
  });
  if (kept != kept_.end()) {
    IncomingMessage message = std::move(*kept);
    kept_.erase(kept);
    return message;
  }
  while (std::optional<IncomingMessage> message = comm_.poll()) {
    if (phase_of(message->tag) == phase) return message;
    kept_.push_back(std::move(*message));
  }
  return std::nullopt;
}

std::string Inbox::receive(MessageKind kind, int from) {
  const MessageTag tag = tag_of(kind, Phase::kOutside);
  const auto wanted = [&](const IncomingMessage& message) {
    return message.tag == tag && message.from == from;
  };
  Backoff backoff;
  for (;;) {
    const auto at = std::find_if(kept_.begin(), kept_.end(), wanted);
    if (at != kept_.end()) {
      std::string bytes = std::move(at->bytes);
      kept_.erase(at);
      return bytes;
    }
    if (std::optional<IncomingMessage> message = comm_.poll()) {
      kept_.push_back(std::move(*message));
      backoff.reset();
    } else {
      backoff.wait();
    }
  }
}

std::string Inbox::broadcast(std::string bytes) {
  while (!kept_.empty()) {
    comm_.put_back(std::move(kept_.back()));
    kept_.pop_back();
  }
  return shardmill::broadcast(comm_, 0, std::move(bytes));
}

}  // namespace shardmill
