#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "pipeline/comm/comm.h"

namespace shardmill {

namespace {

constexpr MessageTag kBroadcastTag = 0;

std::string receive_broadcast(Comm& comm, int from) {
  std::vector<IncomingMessage> early;
  std::optional<IncomingMessage> found;
  Backoff backoff;
  while (!found) {
    std::optional<IncomingMessage> message = comm.poll();
    if (!message) {
      backoff.wait();
    } else if (message->tag == kBroadcastTag && message->from == from) {
      found = std::move(message);
    } else {
      early.push_back(std::move(*message));
    }
  }
  while (!early.empty()) {
    comm.put_back(std::move(early.back()));
    early.pop_back();
  }
  return std::move(found->bytes);
}

}  // namespace

// A binary tree whose top is the root: rank r (counted from the root) passes on to 2r+1 and 2r+2.
std::string broadcast(Comm& comm, int root, std::string bytes) {
  const int size = comm.size();
  const int place = (comm.rank() - root + size) % size;
  if (place != 0) bytes = receive_broadcast(comm, ((place - 1) / 2 + root) % size);
  for (const int child : {2 * place + 1, 2 * place + 2}) {
    if (child < size) comm.send((child + root) % size, kBroadcastTag, bytes);
  }
  return bytes;
}

unsigned Backoff::next_microseconds(unsigned longest_microseconds) {
  const unsigned pause = std::min(microseconds_, longest_microseconds);
  microseconds_ = std::min(pause * 2, longest_microseconds);
  return pause;
}

void Backoff::wait() {
  std::this_thread::sleep_for(std::chrono::microseconds(next_microseconds()));
}

}  // namespace shardmill
