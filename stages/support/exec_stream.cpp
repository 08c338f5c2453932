// The records of a file through a program that prints whatever it wants: its lines are the records
// from there on.
#include <algorithm>
#include <utility>

#include "stages/support/exec_answers.h"

namespace shardmill {

namespace {

/// Records of one batch that is passed on, and their text.
constexpr size_t kRowsMax = 4096;
constexpr size_t kBytesMax = 256 << 10;

class ExecStreamWorker final : public StageWorker {
 public:
  ExecStreamWorker(const ExecSettings& settings, const SlotPlan& plan)
      : settings_(settings), plan_(plan), reader_(settings, plan), program_(settings.program) {}

  void begin_unit() override {
    program_.stop();
    out_.clear();
  }

  Status begin_slice(const FileSlice& slice, const StageContext& context) override {
    begin_unit();  // the slice before may have failed
    slice_ = &slice;
    printed_ = 0;
    offset_ = 0;
    rows_ = 0;
    bytes_in_batch_ = 0;
    return program_.start({"SHARDMILL_FILE=" + slice.path}, context.stopped);
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    context_ = &context;
    next_ = &next;
    bytes_.clear();
    batch.for_each_row([&](size_t row) {
      if (const auto problem = pack_record(settings_, batch, row, bytes_)) {
        context.reject(batch, row, *problem);
      } else {
        context.drop(kExecConsumed, batch, row);
      }
    });
    return program_.send(bytes_, take_line());
  }

  Status end_slice(const StageContext& context, NextStage& next) override {
    context_ = &context;
    next_ = &next;
    RETURN_IF_ERROR(program_.finish(take_line()));
    RETURN_IF_ERROR(pass_rows());
    context.books->made += printed_;
    return {};
  }

 private:
  LineProgram::TakeLine take_line() {
    return [this](std::string_view line) { return take(line); };
  }

  Status take(std::string_view line) {
    if (rows_ == 0) begin_batch();
    out_.offsets[rows_] = offset_;
    if (const auto problem = reader_.read(line, out_, rows_, *context_)) {
      context_->books->rejected += 1;
      context_->rejects->reject(slice_->path, offset_, line, line.size(), *problem);
    } else {
      ++rows_;
    }
    ++printed_;
    offset_ += line.size() + 1;
    bytes_in_batch_ += line.size();
    return rows_ == kRowsMax || bytes_in_batch_ > kBytesMax ? pass_rows() : Status::ok();
  }

  void begin_batch() {
    out_.slice = slice_;
    out_.columns.resize(std::max(out_.columns.size(), plan_.slots.size()));
    out_.offsets.resize(kRowsMax);
    reader_.prepare(out_, kRowsMax);
  }

  Status pass_rows() {
    bytes_in_batch_ = 0;
    out_.rows = std::exchange(rows_, 0);
    if (plan_.file_slot) {
      Column& file = out_.columns[*plan_.file_slot];
      file.prepare(Type::kText, out_.rows);
      std::fill_n(file.text.begin(), out_.rows, std::string_view(slice_->path));
    }
    if (plan_.offset_slot) {
      Column& offset = out_.columns[*plan_.offset_slot];
      offset.prepare(Type::kInt, out_.rows);
      std::copy_n(out_.offsets.begin(), out_.rows, offset.ints.begin());
    }
    Status status = out_.rows > 0 ? next_->pass(out_) : Status::ok();
    out_.clear();
    return status;
  }

  const ExecSettings& settings_;
  const SlotPlan& plan_;
  AnswerReader reader_;
  LineProgram program_;
  const FileSlice* slice_ = nullptr;
  uint64_t printed_ = 0;  ///< lines
  uint64_t offset_ = 0;   ///< of the next line in all that the program prints for this file
  std::string bytes_;     ///< of the records at hand, for the program
  Batch out_;
  size_t rows_ = 0;            ///< in out_
  size_t bytes_in_batch_ = 0;  ///< of the lines in out_

  const StageContext* context_ = nullptr;
  NextStage* next_ = nullptr;
};

}  // namespace

std::unique_ptr<StageWorker> make_exec_stream_worker(const ExecSettings& settings,
                                                     const SlotPlan& plan) {
  return std::make_unique<ExecStreamWorker>(settings, plan);
}

}  // namespace shardmill
