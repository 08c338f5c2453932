// N ranks as threads of one process: any pipeline test runs on any layout in milliseconds, and
// plain `shardmill run` is one of them.
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "pipeline/base/check.h"
#include "pipeline/comm/comm.h"

namespace shardmill {

namespace {

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

/// What the ranks share: a box of arrived messages for each, and a place to meet.
class LocalWorld {
 public:
  explicit LocalWorld(int ranks) : boxes_(static_cast<size_t>(ranks)) {}

  int size() const { return static_cast<int>(boxes_.size()); }

  void deliver(int to, IncomingMessage message) {
    Box& box = boxes_.at(static_cast<size_t>(to));
    const std::lock_guard lock(box.mutex);
    box.messages.push_back(std::move(message));
  }

  void put_back(int rank, IncomingMessage message) {
    Box& box = boxes_[static_cast<size_t>(rank)];
    const std::lock_guard lock(box.mutex);
    box.messages.push_front(std::move(message));
  }

  std::optional<IncomingMessage> take(int rank) {
    Box& box = boxes_[static_cast<size_t>(rank)];
    const std::lock_guard lock(box.mutex);
    if (box.messages.empty()) return std::nullopt;
    IncomingMessage message = std::move(box.messages.front());
    box.messages.pop_front();
    return message;
  }

  void meet() {
    std::unique_lock lock(meeting_mutex_);
    const uint64_t meeting = meetings_;
    if (++arrived_ == size()) {
      arrived_ = 0;
      ++meetings_;
      all_arrived_.notify_all();
    } else {
      all_arrived_.wait(lock, [&] { return meetings_ != meeting; });
    }
  }

 private:
  struct Box {
    std::mutex mutex;
    std::deque<IncomingMessage> messages;
  };
  std::vector<Box> boxes_;
  std::mutex meeting_mutex_;
  std::condition_variable all_arrived_;
  int arrived_ = 0;
  uint64_t meetings_ = 0;
};

class LocalComm final : public Comm {
 public:
  LocalComm(std::shared_ptr<LocalWorld> world, int rank) : world_(std::move(world)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return world_->size(); }
  std::string host() const override { return host_name(); }
  void send(int to, MessageTag tag, std::string bytes) override {
    SHARDMILL_CHECK(to >= 0 && to < size() && tag >= 0 && tag <= kLargestTag);
    world_->deliver(to, {.from = rank_, .tag = tag, .bytes = std::move(bytes)});
  }
  std::optional<IncomingMessage> poll() override { return world_->take(rank_); }
  void put_back(IncomingMessage message) override { world_->put_back(rank_, std::move(message)); }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }
  void finish() override { world_->meet(); }

 private:
  std::shared_ptr<LocalWorld> world_;
  int rank_;
};

}  // namespace

void run_local_ranks(int ranks, const std::function<void(Comm&)>& body) {
  SHARDMILL_CHECK(ranks >= 1);
  const auto world = std::make_shared<LocalWorld>(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&world, &body, rank] {
      LocalComm comm(world, rank);
      body(comm);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::unique_ptr<Comm> make_single_comm() {
  return std::make_unique<LocalComm>(std::make_shared<LocalWorld>(1), 0);
}

}  // namespace shardmill
