// Pauses in the time of the simulator, in the place of pipeline/comm/broadcast.cpp.
#include <unistd.h>

#include <algorithm>

#include "pipeline/comm/comm.h"

namespace shardmill {

unsigned Backoff::next_microseconds(unsigned longest_microseconds) {
  const unsigned pause = std::min(microseconds_, longest_microseconds);
  microseconds_ = std::min(pause * 2, longest_microseconds);
  return pause;
}

void Backoff::wait() {
  usleep(next_microseconds());
}

}  // namespace shardmill
