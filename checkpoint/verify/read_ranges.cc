#include "hoist/checkpoint/verify/read_ranges.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/host_arena.h"

namespace hoist {
namespace {

// More threads than this, with their queues, gain nothing of any disk.
constexpr int kMaxThreads = 64;
// Reads of all queues together that keep a disk busy. On a virtual machine's
// disk half as many are slower and half as many again no faster
// (benchmarks/results, 2026-11-30); as many of twice the size were slower too.
constexpr int kAllReads = 16;
// To where a read lies in memory as in the file, as O_DIRECT can.
constexpr uint64_t kBlockBytes = 4096;
// What is decompressed at once.
constexpr uint64_t kStreamBytes = uint64_t{256} << 10;

// What the threads share.
struct Shared {
  const RangeInputs& inputs;
  std::atomic<size_t> next_stream = 0;
  std::atomic<size_t> next_read = 0;
  std::atomic<uint64_t> done_bytes = 0;

  bool IsCancelled() const {
    return inputs.cancel != nullptr && inputs.cancel->is_cancelled();
  }
  void AddDone(uint64_t bytes) {
    const uint64_t done = done_bytes += bytes;
    if (inputs.on_progress) {
      inputs.on_progress(done);
    }
  }
};

// One thread's part.
class Worker {
 public:
  Worker(Shared& shared, int depth) : shared_(shared), depth_(depth) {}

  absl::Status Run();

 private:
  const RangeInputs& inputs() const { return shared_.inputs; }
  absl::Span<const RangePlan::Slice> SlicesOf(
      const RangePlan::Read& read) const {
    return absl::MakeConstSpan(inputs().plan.slices)
        .subspan(read.first_slice, read.slice_count);
  }
  // Where the bytes of the read under way in `slot` are to be.
  absl::Span<uint8_t> BytesOf(size_t slot) const {
    const RangePlan::Read& read = inputs().plan.reads[flights_[slot]];
    return memory_->bytes().subspan(
        slot * SlotBytes() + read.file_offset % kBlockBytes, read.size_bytes);
  }
  uint64_t SlotBytes() const {
    const uint64_t bytes = inputs().plan.max_read_bytes + 2 * kBlockBytes;
    return bytes / kBlockBytes * kBlockBytes;
  }
  void ReadEncoded(int range);
  absl::Status ReadChunk(int range);
  absl::Status ReadStream(int range);
  bool StartNext();
  void FinishOne();
  // After a read that failed: each slice by itself, to tell which are lost.
  void ReadSlices(const RangePlan::Read& read, absl::Span<uint8_t> bytes);

  Shared& shared_;
  const int depth_;
  size_t next_ = 0;  // the read that was taken
  bool has_next_ = false;
  ChunkDecoder decoder_;
  std::vector<uint8_t> stored_;
  std::vector<uint8_t> decoded_;
  std::shared_ptr<HostArena> memory_;
  std::vector<size_t> flights_;     // by slot: the read under way
  std::vector<size_t> free_slots_;  // those that have none
  int queue_file_ = -1;
  // Goes first: it waits for the reads into the memory.
  std::unique_ptr<ReadQueue> queue_;
};

absl::Status Worker::Run() {
  const RangePlan& plan = inputs().plan;
  while (!shared_.IsCancelled()) {
    const size_t stream = shared_.next_stream++;
    if (stream >= plan.streams.size()) {
      break;
    }
    ReadEncoded(plan.streams[stream]);
  }
  if (plan.reads.empty()) {
    return absl::OkStatus();
  }
  HOIST_ASSIGN_OR_RETURN(memory_, HostArena::Allocate(depth_ * SlotBytes()));
  flights_.resize(depth_);
  for (int i = 0; i < depth_; ++i) {
    free_slots_.push_back(static_cast<size_t>(i));
  }
  for (;;) {
    while (StartNext()) {
    }
    if (free_slots_.size() == flights_.size()) {
      return absl::OkStatus();
    }
    FinishOne();
  }
}

bool Worker::StartNext() {
  if (!has_next_) {
    if (shared_.IsCancelled()) {
      return false;
    }
    next_ = shared_.next_read++;
    has_next_ = next_ < inputs().plan.reads.size();
    if (!has_next_) {
      return false;
    }
  }
  const size_t in_flight = flights_.size() - free_slots_.size();
  const RangePlan::Read& read = inputs().plan.reads[next_];
  if (queue_file_ != read.file) {
    if (in_flight > 0) {
      return false;
    }
    queue_ = inputs().paths[read.file]->MakeQueue(depth_,
                                                  inputs().plan.max_read_bytes);
    queue_file_ = read.file;
  }
  if (free_slots_.empty() ||
      in_flight >= static_cast<size_t>(queue_->depth())) {
    return false;
  }
  const size_t slot = free_slots_.back();
  free_slots_.pop_back();
  flights_[slot] = next_;
  has_next_ = false;
  queue_->Start(read.file_offset, {BytesOf(slot)}, slot);
  return true;
}

void Worker::FinishOne() {
  const ReadQueue::Done done = queue_->Wait();
  const RangePlan::Read& read = inputs().plan.reads[flights_[done.tag]];
  const absl::Span<uint8_t> bytes = BytesOf(done.tag);
  uint64_t size = 0;
  for (const RangePlan::Slice& slice : SlicesOf(read)) {
    if (done.status.ok()) {
      inputs().on_bytes(slice.range, slice.offset_bytes,
                        bytes.subspan(slice.file_offset - read.file_offset,
                                      slice.size_bytes));
    }
    size += slice.size_bytes;
  }
  if (!done.status.ok()) {
    ReadSlices(read, bytes);
  }
  free_slots_.push_back(done.tag);
  shared_.AddDone(size);
}

void Worker::ReadSlices(const RangePlan::Read& read,
                        absl::Span<uint8_t> bytes) {
  for (const RangePlan::Slice& slice : SlicesOf(read)) {
    const absl::Span<uint8_t> out = bytes.subspan(0, slice.size_bytes);
    const absl::Status status =
        inputs().files[read.file]->ReadAt(slice.file_offset, out);
    if (status.ok()) {
      inputs().on_bytes(slice.range, slice.offset_bytes, out);
    } else {
      inputs().on_error(slice.range, status);
    }
  }
}

void Worker::ReadEncoded(int index) {
  const ByteRange& range = inputs().ranges[index];
  const absl::Status status =
      range.inflated_bytes ? ReadStream(index) : ReadChunk(index);
  if (!status.ok()) {
    inputs().on_error(index, status);
  }
  shared_.AddDone(range.size_bytes);
}

absl::Status Worker::ReadChunk(int index) {
  const ByteRange& range = inputs().ranges[index];
  stored_.resize(range.size_bytes);
  decoded_.resize(range.decoded_bytes);
  HOIST_RETURN_IF_ERROR(inputs().files[range.file]->ReadAt(
      range.offset_bytes, absl::MakeSpan(stored_)));
  HOIST_RETURN_IF_ERROR(
      decoder_.Decode(range.encoding, stored_, absl::MakeSpan(decoded_)));
  inputs().on_bytes(index, 0, decoded_);
  return absl::OkStatus();
}

absl::Status Worker::ReadStream(int index) {
  const ByteRange& range = inputs().ranges[index];
  InflateReader stream(*inputs().files[range.file], range.offset_bytes,
                       range.size_bytes);
  decoded_.resize(kStreamBytes);
  const uint64_t all = *range.inflated_bytes;
  for (uint64_t at = 0; at < all;) {
    if (shared_.IsCancelled()) {
      return absl::OkStatus();
    }
    const absl::Span<uint8_t> out =
        absl::MakeSpan(decoded_).subspan(0, std::min(kStreamBytes, all - at));
    HOIST_RETURN_IF_ERROR(stream.Read(out));
    inputs().on_bytes(index, at, out);
    at += out.size();
  }
  return stream.ExpectEnd();
}

}  // namespace

absl::Status ReadRanges(const RangeInputs& inputs) {
  Shared shared{.inputs = inputs};
  const int wanted =
      inputs.pool == nullptr ? 1 : inputs.pool->thread_count() + 1;
  const size_t tasks = inputs.plan.reads.size() + inputs.plan.streams.size();
  const int threads = static_cast<int>(std::min<size_t>(
      std::min(wanted, kMaxThreads), std::max<size_t>(tasks, 1)));
  const int depth = std::max(kAllReads / threads, 1);
  const auto work = [&shared, depth](int64_t) {
    return Worker(shared, depth).Run();
  };
  if (inputs.pool != nullptr) {
    HOIST_RETURN_IF_ERROR(ParallelFor(*inputs.pool, threads, work));
  } else {
    HOIST_RETURN_IF_ERROR(work(0));
  }
  return shared.IsCancelled()
             ? absl::CancelledError("The verification was cancelled")
             : absl::OkStatus();
}

}  // namespace hoist
