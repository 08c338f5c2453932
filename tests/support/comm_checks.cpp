#include "tests/support/comm_checks.h"

#include <fmt/format.h>

#include <map>
#include <vector>

namespace shardmill {

namespace {

IncomingMessage receive(Comm& comm) {
  Backoff backoff;
  for (;;) {
    if (std::optional<IncomingMessage> message = comm.poll()) return std::move(*message);
    backoff.wait();
  }
}

/// Bytes that tell who sent them and that any lost or swapped piece would change.
std::string pattern(int from, int number, size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = static_cast<uint64_t>(from) * 1000003 + static_cast<uint64_t>(number);
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

/// All to all, itself included; per sender in order, with empty, small and long messages.
std::string check_order(Comm& comm) {
  const std::vector<size_t> sizes = {0, 1, 100'000, 7, 3'000'000, 0, 40};
  for (size_t number = 0; number < sizes.size(); ++number) {
    for (int to = 0; to < comm.size(); ++to) {
      comm.send(to, 1 + static_cast<int>(number),
                pattern(comm.rank(), static_cast<int>(number), sizes[number]));
    }
  }
  std::map<int, int> seen;
  for (size_t i = 0; i < sizes.size() * static_cast<size_t>(comm.size()); ++i) {
    const IncomingMessage message = receive(comm);
    const int number = seen[message.from]++;
    if (message.tag != 1 + number) {
      return fmt::format("tag {} of rank {} came as number {}", message.tag, message.from, number);
    }
    if (message.bytes != pattern(message.from, number, sizes[static_cast<size_t>(number)])) {
      return fmt::format("message {} of rank {} is not what was sent", number, message.from);
    }
  }
  return {};
}

/// Longer than two pieces of 16 MiB, from the last rank to the first, with a short one behind it.
std::string check_long(Comm& comm) {
  constexpr size_t kSize = (40 << 20) + 17;
  if (comm.rank() == comm.size() - 1) {
    comm.send(0, 5, pattern(1, 2, kSize));
    comm.send(0, 6, "short");
  }
  if (comm.rank() != 0) return {};
  if (receive(comm).bytes != pattern(1, 2, kSize)) return "a long message is not what was sent";
  return receive(comm).bytes == "short" ? "" : "a short message behind a long one is lost";
}

std::string check_broadcast(Comm& comm) {
  for (int root = 0; root < comm.size(); ++root) {
    // A message that is under way meanwhile must neither be lost nor taken for the broadcast.
    comm.send(0, kLargestTag, "meanwhile");
    const std::string sent = pattern(root, 9, 70'000);
    const std::string received = broadcast(comm, root, comm.rank() == root ? sent : "");
    if (received != sent) return fmt::format("the broadcast of rank {} is wrong", root);
  }
  if (comm.rank() != 0) return {};
  for (int i = 0; i < comm.size() * comm.size(); ++i) {
    const IncomingMessage message = receive(comm);
    if (message.tag != kLargestTag || message.bytes != "meanwhile") return "a message is lost";
  }
  return {};
}

std::string check_put_back(Comm& comm) {
  comm.send(comm.rank(), 3, "a");
  comm.send(comm.rank(), 4, "b");
  IncomingMessage first = receive(comm);
  comm.put_back(std::move(first));
  std::string both = receive(comm).bytes;
  both += receive(comm).bytes;
  return both == "ab" ? "" : "put_back gives " + both;
}

}  // namespace

std::string check_comm(Comm& comm) {
  if (comm.rank() < 0 || comm.rank() >= comm.size()) return "rank out of range";
  if (comm.host().empty()) return "no host name";
  std::string problems;
  for (const auto check : {check_order, check_long, check_broadcast, check_put_back}) {
    std::string problem = check(comm);
    comm.finish();
    if (problem.empty() && comm.poll()) problem = "a message too many";
    comm.finish();  // nobody starts with the next check before all have looked
    if (!problem.empty()) problems += fmt::format("rank {}: {}\n", comm.rank(), problem);
  }
  return problems;
}

}  // namespace shardmill
