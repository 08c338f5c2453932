#include "inputs/support/hdf5_blocks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr uint64_t kPlacesAtOnce = 4096;  ///< of chunks, asked for together

/// Copies the box of `size` elements from `from` in an array of dimensions `from_dims` to `to` in
/// one of `to_dims`.
struct Box {
  const std::vector<uint64_t>& size;
  const std::vector<uint64_t>& from_dims;
  const std::vector<uint64_t>& to_dims;
  const std::vector<uint64_t>& to_first;
  uint64_t element_bytes;
};

void copy_box(const Box& box, size_t dimension, const char* from, char* to) {
  uint64_t from_stride = box.element_bytes;
  uint64_t to_stride = box.element_bytes;
  for (size_t i = dimension + 1; i < box.size.size(); ++i) {
    from_stride *= box.from_dims[i];
    to_stride *= box.to_dims[i];
  }
  to += box.to_first[dimension] * to_stride;
  if (dimension + 1 == box.size.size()) {
    std::memcpy(to, from, box.size[dimension] * box.element_bytes);
    return;
  }
  for (uint64_t i = 0; i < box.size[dimension]; ++i) {
    copy_box(box, dimension + 1, from + i * from_stride, to + i * to_stride);
  }
}

Status cannot_read(int error) {
  return Status::bad_file(std::string("cannot be read: ") + std::strerror(error));
}

}  // namespace

Hdf5Shape shape_of(const Hdf5Dataset& dataset, bool flatten) {
  Hdf5Shape shape;
  if (dataset.rank() == 0) return shape;
  // A vector of MATLAB is a matrix of one row or one column.
  const bool is_turned = dataset.is_matlab && dataset.rank() == 2 && dataset.dims[1] != 1;
  shape.axis = is_turned && !flatten ? 1 : 0;
  shape.rows = dataset.dims[shape.axis];
  for (size_t i = 0; i < dataset.dims.size(); ++i) {
    if (i != shape.axis) shape.inner *= dataset.dims[i];
  }
  if (!dataset.chunk_dims.empty()) shape.chunk_rows = dataset.chunk_dims[shape.axis];
  return shape;
}

Result<std::unique_ptr<Hdf5Bytes>> Hdf5Bytes::open(const std::string& path, const Hdf5FileId& id) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0 && (errno == EMFILE || errno == ENFILE)) {
    return Status::failed(std::string("cannot be opened: ") + std::strerror(errno));
  }
  if (descriptor < 0) {
    return Status::bad_file(std::string("cannot be opened: ") + std::strerror(errno));
  }
  struct stat about = {};
  const bool is_known = ::fstat(descriptor, &about) == 0;
  std::unique_ptr<Hdf5Bytes> bytes(new Hdf5Bytes(descriptor, static_cast<uint64_t>(about.st_size)));
  const Hdf5FileId found = {.device = static_cast<uint64_t>(about.st_dev),
                            .inode = static_cast<uint64_t>(about.st_ino),
                            .size_bytes = static_cast<uint64_t>(about.st_size)};
  if (!is_known || found != id) {
    return Status::bad_file("changed while it was opened, expected a file that stays as it is");
  }
  bytes->mtime_ns_ = int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
  return bytes;
}

Hdf5Bytes::~Hdf5Bytes() {
  ::close(descriptor_);
}

Status Hdf5Bytes::read(uint64_t address, uint64_t size, char* out) {
  if (address > size_ || size > size_ - address) {
    return Status::bad_file("bytes " + with_separators(address) + " to " +
                            with_separators(address + size) + " are meant to hold values, " +
                            "expected at most " + counted(size_, "byte") +
                            "; the file is cut off or damaged");
  }
  bytes_read_ += size;
  while (size > 0) {
    const ssize_t read = ::pread(descriptor_, out, size, static_cast<off_t>(address));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return cannot_read(errno);
    if (read == 0) return Status::bad_file("became shorter while it was read");
    out += read;
    address += static_cast<uint64_t>(read);
    size -= static_cast<uint64_t>(read);
  }
  return {};
}

Hdf5Elements::Hdf5Elements(const Hdf5Access& access, uint64_t index, const Hdf5Shape& shape)
    : access_(access),
      index_(index),
      about_(access.file->description().datasets[index]),
      shape_(shape),
      values_(access.file->buffers().take()),
      stored_(access.file->buffers().take()),
      chunk_(access.file->buffers().take()) {
  if (about_.layout != Hdf5Layout::kChunked) return;
  chunk_bytes_ = about_.element_bytes;
  for (size_t i = 0; i < about_.dims.size(); ++i) {
    chunk_bytes_ *= about_.chunk_dims[i];
    const bool is_axis = i == shape_.axis;
    grid_.push_back(is_axis ? 1 : (about_.dims[i] - 1) / about_.chunk_dims[i] + 1);
    if (!product_fits(chunks_side_by_side_, grid_.back(), chunks_side_by_side_)) {
      chunks_side_by_side_ = UINT64_MAX;
    }
    const bool is_covered = is_axis ? i == 0 : about_.chunk_dims[i] == about_.dims[i];
    chunk_is_block_ = chunk_is_block_ && is_covered;
  }
}

Hdf5Elements::~Hdf5Elements() {
  for (Hdf5Buffer* const buffer : {&chunk_, &stored_, &values_}) {
    access_.file->buffers().give_back(std::move(*buffer));
  }
}

Status Hdf5Elements::load(uint64_t row, uint64_t end) {
  if (block_.begin <= row && row < block_.end) return {};
  Status status;
  switch (about_.layout) {
    case Hdf5Layout::kNothing:
      status = load_fill(row, end);
      break;
    case Hdf5Layout::kContiguous:
      status = load_contiguous(row, end);
      break;
    case Hdf5Layout::kChunked:
      status = load_chunks(row);
      break;
    case Hdf5Layout::kLibrary:
      status = load_rows(row, end);
      break;
  }
  if (!status.is_ok()) block_ = {};
  return status.at("dataset " + quoted(about_.path, 400));
}

Status Hdf5Elements::too_wide(uint64_t bytes) const {
  return Status::bad_file("needs " + format_bytes(bytes) + " of memory at once, expected at most " +
                          format_bytes(access_.window_bytes_max) +
                          "; raise window_bytes_max, or store it in smaller chunks");
}

/// Makes room for the rows [begin, end), row after row, or along the axis (MATLAB).
Status Hdf5Elements::begin_block(uint64_t begin, uint64_t end) {
  const uint64_t rows = end - begin;
  const uint64_t row_bytes = shape_.inner * about_.element_bytes;
  uint64_t bytes = 0;
  if (!product_fits(row_bytes, rows, bytes)) bytes = UINT64_MAX;
  if (bytes > access_.window_bytes_max) return too_wide(bytes);
  values_.need(bytes);
  block_ = {.begin = begin, .end = end, .data = values_.data()};
  block_.row_stride = shape_.axis == 0 ? row_bytes : about_.element_bytes;
  block_.inner_stride = shape_.axis == 0 ? about_.element_bytes : rows * about_.element_bytes;
  return {};
}

uint64_t Hdf5Elements::rows_at_once(uint64_t row, uint64_t end) const {
  const uint64_t row_bytes = std::max<uint64_t>(1, shape_.inner * about_.element_bytes);
  return std::min(end - row, std::max<uint64_t>(1, access_.wanted_bytes / row_bytes));
}

Status Hdf5Elements::load_fill(uint64_t row, uint64_t end) {
  const uint64_t rows = rows_at_once(row, end);
  RETURN_IF_ERROR(begin_block(row, row + rows));
  for (uint64_t i = 0; i < rows * shape_.inner; ++i) {
    std::memcpy(values_.data() + i * about_.element_bytes, about_.fill.data(),
                about_.element_bytes);
  }
  return {};
}

Status Hdf5Elements::load_contiguous(uint64_t row, uint64_t end) {
  const WorkSpan span(access_.clock, WorkClock::kReading);
  const uint64_t rows = rows_at_once(row, end);
  RETURN_IF_ERROR(begin_block(row, row + rows));
  const uint64_t runs = shape_.axis == 0 ? 1 : shape_.inner;
  const uint64_t run_bytes =
      rows * about_.element_bytes * (shape_.axis == 0 ? shape_.inner : uint64_t{1});
  for (uint64_t i = 0; i < runs; ++i) {
    const uint64_t first = shape_.axis == 0 ? row * shape_.inner : i * shape_.rows + row;
    uint64_t address = 0;
    if (__builtin_add_overflow(about_.address, first * about_.element_bytes, &address)) {
      return Status::bad_file("starts behind the end of the file");
    }
    RETURN_IF_ERROR(access_.bytes->read(address, run_bytes, values_.data() + i * run_bytes));
  }
  return {};
}

Status Hdf5Elements::load_rows(uint64_t row, uint64_t end) {
  const WorkSpan span(access_.clock, WorkClock::kReading);
  const uint64_t rows = rows_at_once(row, end);
  RETURN_IF_ERROR(begin_block(row, row + rows));
  const uint64_t bytes = rows * shape_.inner * about_.element_bytes;
  RETURN_IF_ERROR(access_.file->rows(
      {.dataset = index_, .axis = shape_.axis, .first = row, .count = rows}, answer_));
  if (answer_.size() != bytes) return Status::bad_file("has rows of another size than it says");
  std::memcpy(values_.data(), answer_.data(), bytes);
  return {};
}

/// The places of the chunks from the row of chunks that holds `row` on.
Status Hdf5Elements::fetch_places(uint64_t row) {
  const uint64_t first = row / shape_.chunk_rows * shape_.chunk_rows;
  const uint64_t held = places_.size() / chunks_side_by_side_ * shape_.chunk_rows;
  if (!places_.empty() && places_first_row_ <= first && first < places_first_row_ + held) return {};
  const uint64_t chunk_rows_at_once = std::max<uint64_t>(1, kPlacesAtOnce / chunks_side_by_side_);
  const uint64_t rows_left = shape_.rows - first;
  const uint64_t rows = std::min(rows_left - 1, chunk_rows_at_once * shape_.chunk_rows - 1) + 1;
  ASSIGN_OR_RETURN(places_,
                   access_.file->chunks(
                       {.dataset = index_, .axis = shape_.axis, .first = first, .count = rows}));
  places_first_row_ = first;
  if (places_.size() != ((rows - 1) / shape_.chunk_rows + 1) * chunks_side_by_side_) {
    places_.clear();
    return Status::bad_file("has another number of chunks than it says");
  }
  return {};
}

Status Hdf5Elements::read_chunk(const Hdf5ChunkPlace& place, char* out) {
  if (place.size_bytes == 0) {
    for (uint64_t at = 0; at < chunk_bytes_; at += about_.element_bytes) {
      std::memcpy(out + at, about_.fill.data(), about_.element_bytes);
    }
    return {};
  }
  if (unfilter_ == nullptr) {
    unfilter_ =
        std::make_unique<Hdf5Unfilter>(Hdf5Unfilter::Form{.filters = about_.filters,
                                                          .element_bytes = about_.element_bytes,
                                                          .chunk_bytes = chunk_bytes_});
  }
  if (place.size_bytes > unfilter_->stored_bytes_max()) {
    return Status::bad_file("a chunk of " + counted(place.size_bytes, "byte") +
                            " in the file, expected at most " +
                            counted(unfilter_->stored_bytes_max(), "byte"));
  }
  if (about_.filters.empty() && place.size_bytes == chunk_bytes_) {
    const WorkSpan span(access_.clock, WorkClock::kReading);
    return access_.bytes->read(place.address, chunk_bytes_, out);
  }
  RETURN_IF_ERROR(read_stored(place));
  const WorkSpan span(access_.clock, WorkClock::kUnpacking);
  return unfilter_->undo({stored_.data(), place.size_bytes}, place.filter_mask, out)
      .at("byte " + with_separators(place.address));
}

Status Hdf5Elements::read_stored(const Hdf5ChunkPlace& place) {
  const WorkSpan span(access_.clock, WorkClock::kReading);
  stored_.need(place.size_bytes);
  return access_.bytes->read(place.address, place.size_bytes, stored_.data());
}

/// Puts what is inside the dataset of the chunk at `at` of the grid into the block.
void Hdf5Elements::copy_chunk(const std::vector<uint64_t>& at, const char* chunk) {
  std::vector<uint64_t> size;
  std::vector<uint64_t> to_dims = about_.dims;
  std::vector<uint64_t> to_first;
  to_dims[shape_.axis] = block_.end - block_.begin;
  for (size_t i = 0; i < to_dims.size(); ++i) {
    const uint64_t first = at[i] * about_.chunk_dims[i];
    to_first.push_back(first);
    size.push_back(std::min(about_.chunk_dims[i], to_dims[i] - first));
  }
  copy_box({.size = size,
            .from_dims = about_.chunk_dims,
            .to_dims = to_dims,
            .to_first = to_first,
            .element_bytes = about_.element_bytes},
           0, chunk, values_.data());
}

Status Hdf5Elements::load_chunks(uint64_t row) {
  const uint64_t first = row / shape_.chunk_rows * shape_.chunk_rows;
  const uint64_t end = std::min(shape_.rows - first, shape_.chunk_rows) + first;
  if (chunk_bytes_ > access_.window_bytes_max) return too_wide(chunk_bytes_);
  if (chunks_side_by_side_ > access_.window_bytes_max) return too_wide(chunks_side_by_side_);
  RETURN_IF_ERROR(begin_block(first, end));
  const Hdf5Block block = block_;
  block_ = {};
  RETURN_IF_ERROR(fetch_places(row));
  block_ = block;
  const uint64_t group = (first - places_first_row_) / shape_.chunk_rows * chunks_side_by_side_;
  if (chunk_is_block_) {
    values_.need(chunk_bytes_);
    block_.data = values_.data();
    return read_chunk(places_[group], values_.data());
  }
  chunk_.need(chunk_bytes_);
  std::vector<uint64_t> at(grid_.size(), 0);
  for (uint64_t n = 0; n < chunks_side_by_side_; ++n) {
    RETURN_IF_ERROR(read_chunk(places_[group + n], chunk_.data()));
    copy_chunk(at, chunk_.data());
    for (size_t i = at.size(); i-- > 0;) {
      if (++at[i] < grid_[i]) break;
      at[i] = 0;
    }
  }
  return {};
}

Hdf5LibraryColumn::Hdf5LibraryColumn(const Hdf5Access& access, uint64_t index, uint64_t leaf,
                                     const Hdf5Shape& shape)
    : access_(access),
      index_(index),
      leaf_(leaf),
      about_(access.file->description().datasets[index]),
      shape_(shape) {}

Status Hdf5LibraryColumn::load(uint64_t row, uint64_t end) {
  if (begin_ <= row && row < end_) return {};
  // Of texts nobody knows how long they are: few at once.
  constexpr uint64_t kValuesAtOnce = 4096;
  const uint64_t inner = std::max<uint64_t>(1, shape_.inner);
  const uint64_t rows = std::min(end - row, std::max<uint64_t>(1, kValuesAtOnce / inner));
  const auto place = [&](const Status& status) {
    return status.at("dataset " + quoted(about_.path, 400));
  };
  begin_ = end_ = 0;
  uint64_t count = 0;
  if (!product_fits(rows, inner, count) || count > access_.window_bytes_max / 8) {
    return place(Status::bad_file("has rows of " + counted(inner, "value") +
                                  ", expected fewer; raise window_bytes_max"));
  }
  const WorkSpan span(access_.clock, WorkClock::kReading);
  const Status status = access_.file->column(
      {.dataset = index_, .leaf = leaf_, .axis = shape_.axis, .first = row, .count = rows},
      answer_);
  if (!status.is_ok()) return place(status);
  const bool is_text = about_.leaves[leaf_].kind == Hdf5Kind::kText;
  const Status indexed = is_text ? index_texts(count)
                         : answer_.size() == count * 8
                             ? Status::ok()
                             : Status::bad_file("has rows of another size than it says");
  if (!indexed.is_ok()) return place(indexed);
  begin_ = row;
  end_ = row + rows;
  return {};
}

Status Hdf5LibraryColumn::index_texts(uint64_t count) {
  texts_.clear();
  ByteReader reader(answer_);
  for (uint64_t i = 0; i < count && !reader.failed(); ++i) {
    const uint32_t size = reader.u32();
    texts_.push_back(size == 0 ? std::string_view() : reader.raw(size - 1));
    if (size != 0 && texts_.back().data() == nullptr) texts_.back() = std::string_view("", 0);
  }
  return reader.done() ? Status::ok() : Status::bad_file("a damaged answer about texts");
}

uint64_t Hdf5LibraryColumn::bits(uint64_t position) const {
  uint64_t bits = 0;
  std::memcpy(&bits, answer_.data() + position * sizeof bits, sizeof bits);
  return bits;
}

bool Hdf5LibraryColumn::text(uint64_t position, std::string_view& text) const {
  text = texts_[position];
  return text.data() != nullptr;
}

}  // namespace shardmill
