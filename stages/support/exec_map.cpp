// Records through a program that prints one line for each line that it reads. Most programs print
// only when they have much to print or their input ends, so answers come late: the records wait for
// them, copied, in a queue of bounded size.
#include <algorithm>
#include <deque>
#include <utility>

#include "stages/support/exec_answers.h"
#include "stages/support/row_copy.h"

namespace shardmill {

namespace {

/// What waits for answers before the process is ended to get them, and a new one started.
constexpr size_t kWaitingBytesMax = 16 << 20;
/// Roughly what a waiting record takes besides its bytes, and a batch of them.
constexpr size_t kRecordBytes = 64;
constexpr size_t kBatchBytes = 2048;
/// Text of answers that are passed on together.
constexpr size_t kAnswerBytesMax = 1 << 20;

/// Records of one batch that wait for their answers, copied.
struct Waiting {
  Batch batch;
  std::vector<uint8_t> sent;  ///< 0: null, which is not sent
  size_t bytes = 0;
};

class ExecMapWorker final : public StageWorker {
 public:
  ExecMapWorker(const ExecSettings& settings, const SlotPlan& plan)
      : settings_(settings),
        plan_(plan),
        reader_(settings, plan),
        program_(settings.program),
        needs_identity_(plan.needs_offsets) {
    for (const size_t slot : settings.schema_slots) keep_if_used(slot);
    for (const auto& slot : {plan.file_slot, plan.offset_slot}) {
      if (slot) keep_if_used(*slot);
    }
  }

  void begin_unit() override {
    program_.stop();
    waiting_.clear();
    waiting_bytes_ = 0;
    at_ = 0;
    rows_.clear();
    began_ = false;
    answer_bytes_ = 0;
    out_.clear();
  }

  Status begin_slice(const FileSlice& slice, const StageContext&) override {
    begin_unit();  // the slice before may have failed
    environment_ = {"SHARDMILL_FILE=" + slice.path};
    return {};
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    context_ = &context;
    next_ = &next;
    pack(batch);
    if (!bytes_.empty()) {
      if (!program_.is_running()) RETURN_IF_ERROR(program_.start(environment_, context.stopped));
      RETURN_IF_ERROR(program_.send(bytes_, take_line()));
    }
    RETURN_IF_ERROR(answer_nulls());
    return waiting_bytes_ > kWaitingBytesMax ? finish() : Status::ok();
  }

  Status end_slice(const StageContext& context, NextStage& next) override {
    context_ = &context;
    next_ = &next;
    return finish();
  }

 private:
  void keep_if_used(size_t slot) {
    if (plan_.slots[slot].used) kept_.push_back(slot);
  }

  /// Writes the selected records for the program to bytes_ and adds them to those that wait.
  void pack(const Batch& batch) {
    bytes_.clear();
    chosen_.clear();
    std::vector<uint8_t> sent;
    batch.for_each_row([&](size_t row) {
      const bool is_sent = settings_.is_json || !batch.columns[settings_.column.slot].is_null(row);
      if (is_sent) {
        if (const auto problem = pack_record(settings_, batch, row, bytes_)) {
          context_->reject(batch, row, *problem);
          return;
        }
      }
      chosen_.push_back(static_cast<uint32_t>(row));
      sent.push_back(is_sent ? 1 : 0);
    });
    if (!chosen_.empty()) add_waiting(batch, std::move(sent));
  }

  void add_waiting(const Batch& batch, std::vector<uint8_t> sent) {
    Waiting& last = waiting_.emplace_back();
    Batch& copy = last.batch;
    copy.rows = chosen_.size();
    copy.slice = batch.slice;
    copy.columns.resize(plan_.slots.size());
    for (const size_t slot : kept_) {
      copy_rows(batch.columns[slot], chosen_, copy.columns[slot], &copy.arena);
    }
    for (const uint32_t row : chosen_) {
      if (needs_identity_) copy.offsets.push_back(batch.offsets[row]);
      if (!batch.sub_indices.empty()) copy.sub_indices.push_back(batch.sub_indices[row]);
    }
    last.sent = std::move(sent);
    last.bytes = kBatchBytes + copy.arena.memory_bytes() + bytes_.size() +
                 copy.rows * (kRecordBytes + 16 * kept_.size());
    waiting_bytes_ += last.bytes;
  }

  LineProgram::TakeLine take_line() {
    return [this](std::string_view line) { return take(line); };
  }

  Status take(std::string_view line) {
    RETURN_IF_ERROR(answer_nulls());
    if (waiting_.empty()) {
      return program_.error("printed more lines than it was given", "one line for each",
                            "use mode = \"stream\" if it makes several of one");
    }
    begin_answers();
    Batch& from = waiting_.front().batch;
    answer_bytes_ += line.size();
    if (needs_identity_) out_.offsets[rows_.size()] = from.offsets[at_];
    if (const auto problem = reader_.read(line, out_, rows_.size(), *context_)) {
      context_->books->rejected += 1;
      context_->rejects->reject(from.slice->path, from.offsets[at_], line, line.size(), *problem);
    } else {
      rows_.push_back(static_cast<uint32_t>(at_));
    }
    return step();
  }

  /// Answers the records at the head of the queue that were not sent.
  Status answer_nulls() {
    while (!waiting_.empty() && waiting_.front().sent[at_] == 0) {
      begin_answers();
      reader_.write_nulls(out_, rows_.size());
      rows_.push_back(static_cast<uint32_t>(at_));
      RETURN_IF_ERROR(step());
    }
    return {};
  }

  /// Before the first answer of those that are passed on together.
  void begin_answers() {
    if (began_) return;
    began_ = true;
    const Waiting& front = waiting_.front();
    out_.slice = front.batch.slice;
    if (out_.columns.size() < plan_.slots.size()) out_.columns.resize(plan_.slots.size());
    const size_t rows = front.batch.rows - at_;
    reader_.prepare(out_, rows);
    if (needs_identity_) out_.offsets.resize(std::max(out_.offsets.size(), rows));
  }

  /// One record has its answer.
  Status step() {
    ++at_;
    const bool is_last = at_ == waiting_.front().batch.rows;
    if (is_last || answer_bytes_ > kAnswerBytesMax) RETURN_IF_ERROR(pass_answers());
    if (!is_last) return {};
    waiting_bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
    at_ = 0;
    return {};
  }

  Status pass_answers() {
    const Batch& from = waiting_.front().batch;
    for (const size_t slot : kept_) {
      copy_rows(from.columns[slot], rows_, out_.columns[slot], nullptr);
    }
    for (size_t i = 0; needs_identity_ && i < rows_.size(); ++i) {
      out_.offsets[i] = from.offsets[rows_[i]];
      if (!from.sub_indices.empty()) out_.sub_indices.push_back(from.sub_indices[rows_[i]]);
    }
    out_.rows = rows_.size();
    rows_.clear();
    began_ = false;
    answer_bytes_ = 0;
    Status status = next_->pass(out_);
    out_.clear();
    return status;
  }

  /// Lets the process come to its end: all that wait have their answers then.
  Status finish() {
    if (program_.is_running()) RETURN_IF_ERROR(program_.finish(take_line()));
    RETURN_IF_ERROR(answer_nulls());
    if (waiting_.empty()) return {};
    return program_.error("printed fewer lines than it was given", "one line for each",
                          "use mode = \"stream\" if it leaves some out");
  }

  const ExecSettings& settings_;
  const SlotPlan& plan_;
  AnswerReader reader_;
  LineProgram program_;
  const bool needs_identity_;
  std::vector<size_t> kept_;  ///< slots of the columns that go on as they are and are read
  std::vector<std::string> environment_;

  std::string bytes_;             ///< of the records at hand, for the program
  std::vector<uint32_t> chosen_;  ///< their rows
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  size_t at_ = 0;               ///< the row of the first in the queue whose answer is next
  std::vector<uint32_t> rows_;  ///< of the first in the queue that are answered in out_
  bool began_ = false;          ///< out_ has room for answers
  size_t answer_bytes_ = 0;     ///< of the lines in out_
  Batch out_;

  const StageContext* context_ = nullptr;
  NextStage* next_ = nullptr;
};

}  // namespace

std::unique_ptr<StageWorker> make_exec_map_worker(const ExecSettings& settings,
                                                  const SlotPlan& plan) {
  return std::make_unique<ExecMapWorker>(settings, plan);
}

}  // namespace shardmill
