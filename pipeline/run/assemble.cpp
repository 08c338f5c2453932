#include "pipeline/run/assemble.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "pipeline/formats/compress.h"
#include "pipeline/run/block_work.h"
#include "pipeline/run/clocked_craft.h"
#include "pipeline/run/hdf5_file.h"
#include "pipeline/run/phase.h"

namespace shardmill {

namespace {

constexpr size_t kTasksMost = 2;           ///< of a worker: one waits, one is at work
constexpr uint64_t kLargeBytes = 1 << 20;  ///< worth a call to the disk of their own

/// What a finished item says of one file.
struct FileNews {
  uint64_t final_index = 0;
  uint64_t end = 0;       ///< where the block ends in the file, or the file's size
  uint64_t checksum = 0;  ///< once sealed
};

std::string encode_news(const std::vector<FileNews>& all) {
  ByteWriter writer;
  writer.varint(all.size());
  for (const FileNews& news : all) {
    for (const uint64_t value : {news.final_index, news.end, news.checksum}) writer.u64(value);
  }
  return writer.take();
}

Result<std::vector<FileNews>> decode_news(std::string_view bytes) {
  ByteReader reader(bytes);
  const uint64_t count = reader.varint();
  if (!reader.count_fits(count, 24)) return damaged_message("output");
  std::vector<FileNews> all(count);
  for (FileNews& news : all) {
    for (uint64_t* value : {&news.final_index, &news.end, &news.checksum}) *value = reader.u64();
  }
  if (!reader.done()) return damaged_message("output");
  return all;
}

/// What a worker makes blocks in, one after the other.
struct BlockBuffers {
  std::string plain = {};
  std::vector<std::string> packed = {};  ///< of tasks that have ended
  Hdf5BlockMaker hdf5 = {};
};

/// Blocks: one of a chain, or any number that stand alone.
class BlockTask final : public Task {
 public:
  BlockTask(const std::string& parts_dir, const Mailbox& mailbox, BlockBuffers& buffers,
            std::vector<BlockWork> blocks, Deal deal)
      : parts_dir_(parts_dir),
        mailbox_(mailbox),
        buffers_(buffers),
        blocks_(std::move(blocks)),
        deal_(std::move(deal)) {
    if (buffers_.packed.empty()) return;
    packed_ = std::move(buffers_.packed.back());
    buffers_.packed.pop_back();
  }
  ~BlockTask() override { buffers_.packed.push_back(std::move(packed_)); }

  Status perform() override {
    if (deal_.must_wait) return pack(blocks_[0]);
    const uint64_t known = deal_.verdict ? deal_.verdict->value.value_or(0) : 0;
    for (const BlockWork& block : blocks_) RETURN_IF_ERROR(make(block, known));
    return {};
  }
  bool must_wait() const override { return deal_.must_wait; }
  ChainReport report() const override { return {.assumed = 0, .next = packed_.size()}; }

  Result<Done> commit(const std::optional<Verdict>& verdict) override {
    if (verdict) RETURN_IF_ERROR(write_packed(blocks_[0], verdict->value.value_or(0)));
    const uint64_t end = news_.empty() ? 0 : news_.back().end - head_bytes(blocks_.back());
    return Done{.next = end, .body = encode_news(news_)};
  }

 private:
  /// What stands in the file before the first block; places in a chain do not count it.
  static uint64_t head_bytes(const BlockWork& block) { return block.shape ? kHdf5HeadBytes : 0; }

  struct Written {
    uint64_t offset = 0;
    uint64_t end = 0;
  };
  void end_block(const BlockWork& block, const FileHandle& file, Written written) {
    const uint64_t bytes = written.end - written.offset;
    if (bytes >= kLargeBytes) begin_writeback(file, written.offset, bytes);
    news_.push_back({.final_index = block.final_index, .end = written.end});
  }

  Status make(const BlockWork& block, uint64_t known_place) {
    if (block.is_virtual()) return {};
    if (block.packing == OutputPacking::kPlain) return copy(block);
    RETURN_IF_ERROR(pack(block));
    return write_packed(block, known_place);
  }

  Status pack(const BlockWork& block) {
    std::string& plain = buffers_.plain;
    plain = block.head;
    packed_.clear();
    for (const PartRange& range : block.ranges) {
      RETURN_IF_ERROR(open_part(range));
      RETURN_IF_ERROR(read_range(part_, range.begin, range.bytes, plain, block.place.text()));
    }
    switch (block.packing) {
      case OutputPacking::kPlain:
        packed_ = plain;
        break;
      case OutputPacking::kGzip:
        packed_ = gzip_member(plain, block.level);
        break;
      case OutputPacking::kZstd:
        packed_ = zstd_frame(plain, block.level);
        break;
      case OutputPacking::kHdf5:
        if (!block.shape) return damaged_message("block");
        return buffers_.hdf5.append(plain, block.rows, *block.shape, packed_);
    }
    return {};
  }

  Status write_packed(const BlockWork& block, uint64_t known_place) {
    const uint64_t offset = known_place + head_bytes(block);
    ASSIGN_OR_RETURN(FileHandle file, open_temporary(block.place));
    RETURN_IF_ERROR(write_at(file, offset, packed_, block.place.text()));
    end_block(block, file, {.offset = offset, .end = offset + packed_.size()});
    return file.close(block.place.text());
  }

  Status copy(const BlockWork& block) {
    const std::string place = block.place.text();
    ASSIGN_OR_RETURN(FileHandle file, open_temporary(block.place));
    PieceWriter writer(file, block.plain_offset, buffers_.plain, place, is_on_copying_server(file));
    RETURN_IF_ERROR(writer.append(block.head));
    for (const PartRange& range : block.ranges) {
      if (mailbox_.stopped()) return Status::failed("the run was stopped");  // not shown
      RETURN_IF_ERROR(open_part(range));
      RETURN_IF_ERROR(writer.copy(part_, range.begin, range.bytes));
    }
    RETURN_IF_ERROR(writer.flush());
    end_block(block, file, {.offset = block.plain_offset, .end = writer.end()});
    return file.close(place);
  }

  /// Neighbours are often in the same pool.
  Status open_part(const PartRange& range) {
    if (part_.is_open() && part_id_ == range.file) return {};
    const std::string path = range.file.path(parts_dir_);
    part_ = FileHandle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    part_id_ = range.file;
    return part_.is_open() ? Status::ok() : file_error(path, "opened", errno);
  }

  const std::string& parts_dir_;
  const Mailbox& mailbox_;
  BlockBuffers& buffers_;
  std::vector<BlockWork> blocks_;
  Deal deal_;
  FileHandle part_;
  PartFileId part_id_;
  std::string packed_;
  std::vector<FileNews> news_;
};

class BlockCraft final : public Craft {
 public:
  BlockCraft(const std::string& parts_dir, const Mailbox& mailbox)
      : parts_dir_(parts_dir), mailbox_(mailbox) {
    buffers_.packed.reserve(kTasksMost);  // tasks give theirs back when they end
  }

  Result<std::unique_ptr<Task>> begin(Deal deal) override {
    ByteReader reader(deal.body);
    std::vector<BlockWork> blocks;
    while (reader.remaining() > 0 && !reader.failed()) blocks.push_back(BlockWork::decode(reader));
    if (!reader.done() || blocks.empty()) return damaged_message("block");
    return std::unique_ptr<Task>(std::make_unique<BlockTask>(parts_dir_, mailbox_, buffers_,
                                                             std::move(blocks), std::move(deal)));
  }

 private:
  const std::string& parts_dir_;
  const Mailbox& mailbox_;
  BlockBuffers buffers_;
};

class SealTask final : public Task {
 public:
  SealTask(std::vector<BlockWork> files, const SealGuard& guard)
      : files_(std::move(files)), guard_(guard) {}
  Status perform() override { return {}; }
  bool must_wait() const override { return false; }
  ChainReport report() const override { return {}; }
  Result<Done> commit(const std::optional<Verdict>&) override {
    std::vector<OutputPlace> places;
    for (const BlockWork& file : files_) {
      if (file.shape) {
        RETURN_IF_ERROR(write_hdf5(file.place, *file.shape, file.rows, guard_.check_lock));
      }
      places.push_back(file.place);
    }
    ASSIGN_OR_RETURN(const std::vector<SealedFile> sealed, seal(places, guard_));
    std::vector<FileNews> news;
    for (size_t i = 0; i < files_.size(); ++i) {
      news.push_back({files_[i].final_index, sealed[i].bytes, sealed[i].checksum});
    }
    return Done{.body = encode_news(news)};
  }

 private:
  std::vector<BlockWork> files_;
  const SealGuard& guard_;
};

class SealCraft final : public Craft {
 public:
  explicit SealCraft(SealGuard guard) : guard_(std::move(guard)) {}
  Result<std::unique_ptr<Task>> begin(Deal deal) override {
    ByteReader reader(deal.body);
    std::vector<BlockWork> files;
    while (reader.remaining() > 0 && !reader.failed()) files.push_back(BlockWork::decode(reader));
    if (!reader.done()) return damaged_message("seal");
    return std::unique_ptr<Task>(std::make_unique<SealTask>(std::move(files), guard_));
  }

 private:
  const SealGuard guard_;
};

class OutputLeader final : public Leader {
 public:
  OutputLeader(const AssembleSetup& setup, bool seals)
      : outputs_(*setup.outputs),
        items_(seals ? outputs_.file_items() : outputs_.block_items()),
        seals_(seals),
        news_(setup.news) {}

  std::string body_of(uint64_t item) override {
    const BlockItem& blocks = items_[item];
    ByteWriter writer;
    for (uint64_t i = 0; i < blocks.final_count; ++i) {
      BlockWork work = block_work(outputs_, blocks.first_final + i, blocks.block);
      if (seals_) work.ranges.clear();
      if (seals_) work.rows = outputs_.finals()[work.final_index].rows;
      work.encode(writer);
    }
    return writer.take();
  }

  Status absorb(const Done& done) override {
    ASSIGN_OR_RETURN(const std::vector<FileNews> all, decode_news(done.body));
    for (const FileNews& news : all) {
      if (news.final_index >= outputs_.finals().size()) return damaged_message("output");
      FinalFile& file = outputs_.finals()[news.final_index];
      file.file_bytes = std::max(file.file_bytes, news.end);
      file.checksum = news.checksum;
    }
    ++done_;
    return {};
  }
  void tick() override {
    const char* step = seals_ ? "make outputs durable" : "write outputs";
    if (news_) news_({.name = step, .done = done_, .items = items_.size()});
  }

  DealerSetup dealer() const {
    DealerSetup setup = {.links = [this](uint64_t item) { return items_[item].links; },
                         .rule = ChainRule::kPosition};
    setup.order.resize(items_.size());
    std::iota(setup.order.begin(), setup.order.end(), uint64_t{0});
    if (seals_) spread_library_work(setup);
    return setup;
  }

 private:
  /// What the library writes itself goes to different ranks, and comes last, so that nothing else
  /// waits for it.
  void spread_library_work(DealerSetup& setup) const {
    setup.links = [](uint64_t) { return ChainLinks(); };
    setup.is_serial = [this](uint64_t item) {
      return outputs_.takes_library_long(outputs_.finals()[items_[item].first_final]);
    };
    std::stable_partition(setup.order.begin(), setup.order.end(),
                          [&](uint64_t item) { return !setup.is_serial(item); });
  }

  Outputs& outputs_;
  std::vector<BlockItem> items_;
  bool seals_;
  std::function<void(const Step&)> news_;
  uint64_t done_ = 0;
};

Status run_output_phase(Inbox& inbox, const AssembleSetup& setup, Phase phase) {
  const bool seals = phase == Phase::kSeal;
  std::unique_ptr<OutputLeader> leader;
  if (setup.outputs != nullptr) leader = std::make_unique<OutputLeader>(setup, seals);
  Mailbox mailbox(setup.threads);
  PhaseSetup phase_setup = {.phase = phase,
                            .place = setup.place,
                            .threads = setup.threads,
                            .mailbox = &mailbox,
                            .tick = setup.tick,
                            .stop_wish = setup.stop_wish,
                            .stopped_by = setup.stopped_by,
                            .leader = leader.get()};
  phase_setup.make_craft = [&](unsigned worker) -> std::unique_ptr<Craft> {
    std::unique_ptr<Craft> craft;
    if (seals) {
      craft = std::make_unique<SealCraft>(
          SealGuard{.is_stopped = [&mailbox] { return mailbox.stopped(); },
                    .check_lock = [&setup] { return setup.lock.check(); }});
    } else {
      craft = std::make_unique<BlockCraft>(setup.parts_dir, mailbox);
    }
    return with_clock(std::move(craft), setup.clock_of ? setup.clock_of(worker) : nullptr,
                      seals ? WorkClock::kFinishing : WorkClock::kWriting);
  };
  if (leader != nullptr) phase_setup.dealer = leader->dealer();
  return run_phase(inbox, std::move(phase_setup));
}

}  // namespace

Status assemble(Inbox& inbox, const AssembleSetup& setup) {
  RETURN_IF_ERROR(run_output_phase(inbox, setup, Phase::kAssemble));
  return run_output_phase(inbox, setup, Phase::kSeal);
}

}  // namespace shardmill
