#include "hoist/checkpoint/load/load_engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/chunk_reader.h"
#include "hoist/checkpoint/load/piece_checksums.h"
#include "hoist/core/base/check.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/host_arena.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;
using Lease = ChunkDestination::Lease;

// What is to be cast is read to where it lies as in the file, as O_DIRECT can.
constexpr uint64_t kBlockBytes = 4096;

int64_t Nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

// What the threads of a load share.
class Engine {
 public:
  explicit Engine(const EngineInputs& inputs)
      : inputs_(inputs), checksums_(inputs.catalog, inputs.plan) {
    const std::vector<LoadPlan::Chunk>& chunks = inputs.plan.chunks;
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i == 0 || !BelongTogether(chunks[i - 1], chunks[i])) {
        tasks_.push_back({.begin = static_cast<int>(i)});
      }
      tasks_.back().end = static_cast<int>(i) + 1;
    }
  }

  // Chunks that one thread reads, in order.
  struct Task {
    int begin = 0;
    int end = 0;
  };

  const EngineInputs& inputs() const { return inputs_; }
  const LoadPlan& plan() const { return inputs_.plan; }
  PieceChecksums& checksums() { return checksums_; }
  int task_count() const { return static_cast<int>(tasks_.size()); }

  // Whether the load has failed or is cancelled.
  bool IsOver() {
    if (!has_failed_ && inputs_.cancel != nullptr &&
        inputs_.cancel->is_cancelled()) {
      Fail(absl::CancelledError("The load was cancelled"));
    }
    return has_failed_;
  }

  // The next task, or none if there is none left or the load has failed.
  std::optional<Task> TakeTask() {
    if (IsOver()) {
      return std::nullopt;
    }
    const int task = next_task_++;
    if (task >= task_count()) {
      return std::nullopt;
    }
    return tasks_[task];
  }

  void Fail(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    if (status_.ok()) {
      status_ = status;
    }
    has_failed_ = true;
  }
  absl::Status status() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return status_;
  }

  void AddDone(uint64_t bytes) {
    const uint64_t done = done_bytes_ += bytes;
    if (inputs_.on_progress) {
      inputs_.on_progress(done);
    }
  }
  void AddTimes(const EngineTimes& times) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    times_.read_ns += times.read_ns;
    times_.verify_ns += times.verify_ns;
    times_.convert_ns += times.convert_ns;
    times_.place_ns += times.place_ns;
  }
  void AddLosses(int storage, const CastLosses& losses)
      ABSL_LOCKS_EXCLUDED(mu_) {
    if (losses.IsEmpty()) {
      return;
    }
    MutexLock lock(&mu_);
    losses_.resize(inputs_.plan.storages.size());
    losses_[storage].Add(losses);
  }
  std::vector<CastLosses> TakeLosses() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return std::move(losses_);
  }
  EngineTimes MeanTimes(int thread_count) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return {.read_ns = times_.read_ns / thread_count,
            .verify_ns = times_.verify_ns / thread_count,
            .convert_ns = times_.convert_ns / thread_count,
            .place_ns = times_.place_ns / thread_count};
  }

 private:
  int StorageOf(const LoadPlan::Chunk& chunk) const {
    return inputs_.plan.pieces[chunk.first_piece].storage;
  }
  uint64_t EncodedChunkOf(const LoadPlan::Chunk& chunk) const {
    const LoadPlan::Piece& piece = inputs_.plan.pieces[chunk.first_piece];
    const StorageNeed& need = inputs_.plan.storages[piece.storage].need;
    return (need.begin_bytes + piece.offset_bytes) /
           inputs_.catalog.storages[need.storage].chunks.front().size_bytes;
  }
  // A stream can be read from its start only. And two threads in one huge page
  // would wait for each other when it is touched first.
  bool BelongTogether(const LoadPlan::Chunk& a,
                      const LoadPlan::Chunk& b) const {
    if (a.is_deflated || b.is_deflated) {
      return a.is_deflated && b.is_deflated && StorageOf(a) == StorageOf(b);
    }
    // Parts of one encoded chunk, which is decoded once.
    if (a.is_encoded && b.is_encoded && StorageOf(a) == StorageOf(b) &&
        EncodedChunkOf(a) == EncodedChunkOf(b)) {
      return true;
    }
    const auto page = [this](const LoadPlan::Chunk& chunk) {
      const bool is_mapped = inputs_.plan.storages[StorageOf(chunk)].is_mapped;
      return (is_mapped ? chunk.file_offset : chunk.arena_offset) /
             HostArena::kHugePageBytes;
    };
    return a.file == b.file && page(a) == page(b);
  }

  const EngineInputs& inputs_;
  PieceChecksums checksums_;
  std::vector<Task> tasks_;
  std::atomic<int> next_task_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::atomic<uint64_t> done_bytes_ = 0;
  Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  EngineTimes times_ ABSL_GUARDED_BY(mu_);  // summed over threads
  std::vector<CastLosses> losses_ ABSL_GUARDED_BY(mu_);
};

// One thread's part: keeps the queue of the file at hand filled, and finishes
// the chunks whose reads are over.
class Worker {
 public:
  Worker(Engine& engine, int depth)
      : engine_(engine),
        depth_(depth),
        chunk_reader_(engine.inputs().verify),
        flights_(depth) {}
  ~Worker() { engine_.AddTimes(times_); }

  absl::Status Run();

 private:
  // A chunk whose read is under way.
  struct Flight {
    int chunk = 0;
    std::unique_ptr<Lease> lease;  // null: free
    // Where the file's bytes go first, if they are to be cast; kept for others.
    std::shared_ptr<HostArena> uncast;
  };

  const LoadPlan::Chunk& ChunkAt(int i) const {
    return engine_.plan().chunks[i];
  }
  // Whether the chunk is cast by this thread.
  bool IsCastHere(const LoadPlan::Chunk& chunk) const {
    return chunk.is_cast && !engine_.inputs().destination.casts(chunk);
  }
  absl::Span<const LoadPlan::Piece> PiecesOf(const LoadPlan::Chunk& chunk) {
    return absl::MakeConstSpan(engine_.plan().pieces)
        .subspan(chunk.first_piece, chunk.piece_count);
  }
  // Where the piece begins in the file, or would if it were not compressed.
  uint64_t FileOffsetOf(const LoadPlan::Piece& piece) const {
    const StorageNeed& need = engine_.plan().storages[piece.storage].need;
    return engine_.inputs().catalog.storages[need.storage].offset_bytes +
           need.begin_bytes + piece.offset_bytes;
  }
  absl::Status FillQueue();
  // Starts to read the chunk; false if something has to be over first.
  absl::StatusOr<bool> Start(int chunk);
  absl::Status FinishOne();
  absl::Status ReadStream(const Engine::Task& task);
  absl::Status ReadEncoded(int chunk);
  // Memory for a chunk whose bytes come from no queue.
  absl::StatusOr<Flight*> BoardAlone(int chunk);
  // Readies a free flight for the chunk and the lease.
  absl::StatusOr<Flight*> Board(int chunk, std::unique_ptr<Lease> lease);
  absl::Status FinishChunk(Flight& flight);
  absl::Status Convert(const Flight& flight, const LoadPlan::Piece& piece);
  // Where the file's bytes of the piece are to be.
  absl::Span<uint8_t> BytesOf(const Flight& flight,
                              const LoadPlan::Piece& piece) const;
  std::vector<absl::Span<uint8_t>> PartsOf(const Flight& flight);
  absl::Status AnnotateRead(const absl::Status& status,
                            const LoadPlan::Chunk& chunk) const;
  // Adds the time since the last call to `sum_ns`, and to the trace if it was
  // spent on something that has a `name` there.
  void Lap(int64_t& sum_ns, absl::string_view name = "", uint64_t bytes = 0) {
    const Clock::time_point now = Clock::now();
    const int64_t time_ns = Nanoseconds(now - lap_);
    sum_ns += time_ns;
    lap_ = now;
    if (TraceRecorder* const trace = engine_.inputs().trace;
        trace != nullptr && !name.empty()) {
      trace->AddSpan({.name = std::string(name),
                      .category = "load",
                      .lane = trace->ThreadLane(),
                      .start_ns = trace->NowNs() - time_ns,
                      .duration_ns = time_ns,
                      .bytes = bytes});
    }
  }

  Engine& engine_;
  const int depth_;
  EngineTimes times_;
  Clock::time_point lap_ = Clock::now();
  Engine::Task next_;  // what is taken, and not started
  ChunkReader chunk_reader_;
  int in_flight_ = 0;
  std::vector<uint8_t> gap_;  // where the bytes between storages go
  std::vector<Flight> flights_;
  int queue_file_ = -1;
  // Goes first: it waits for the reads into the flights.
  std::unique_ptr<ReadQueue> queue_;
};

absl::Status Worker::Run() {
  for (;;) {
    HOIST_RETURN_IF_ERROR(FillQueue());
    if (in_flight_ == 0) {
      return absl::OkStatus();
    }
    HOIST_RETURN_IF_ERROR(FinishOne());
  }
}

absl::Status Worker::FillQueue() {
  for (;;) {
    if (next_.begin == next_.end) {
      const std::optional<Engine::Task> task = engine_.TakeTask();
      if (!task) {
        return absl::OkStatus();
      }
      next_ = *task;
    }
    if (ChunkAt(next_.begin).is_deflated) {
      HOIST_RETURN_IF_ERROR(ReadStream(next_));
      next_.begin = next_.end;
      continue;
    }
    if (ChunkAt(next_.begin).is_encoded) {
      HOIST_RETURN_IF_ERROR(ReadEncoded(next_.begin++));
      continue;
    }
    HOIST_ASSIGN_OR_RETURN(const bool has_started, Start(next_.begin));
    if (!has_started) {
      return absl::OkStatus();
    }
    ++next_.begin;
  }
}

absl::StatusOr<bool> Worker::Start(int chunk_index) {
  const LoadPlan::Chunk& chunk = ChunkAt(chunk_index);
  if (queue_file_ != chunk.file) {
    if (in_flight_ > 0) {
      return false;
    }
    queue_ = engine_.inputs().paths[chunk.file]->MakeQueue(
        depth_, engine_.plan().max_read_bytes);
    queue_file_ = chunk.file;
  }
  if (in_flight_ >= std::min(depth_, queue_->depth())) {
    return false;
  }
  Lap(times_.read_ns);
  HOIST_ASSIGN_OR_RETURN(std::unique_ptr<Lease> lease,
                         engine_.inputs().destination.Acquire(
                             chunk, /*may_block=*/in_flight_ == 0));
  Lap(times_.place_ns, "wait for memory");
  if (lease == nullptr) {
    return false;
  }
  HOIST_ASSIGN_OR_RETURN(Flight* const flight,
                         Board(chunk_index, std::move(lease)));
  queue_->Start(chunk.file_offset, PartsOf(*flight),
                static_cast<uint64_t>(flight - flights_.data()));
  ++in_flight_;
  return true;
}

absl::StatusOr<Worker::Flight*> Worker::Board(int chunk,
                                              std::unique_ptr<Lease> lease) {
  size_t slot = 0;
  while (flights_[slot].lease != nullptr) {
    ++slot;
  }
  Flight& flight = flights_[slot];
  if (IsCastHere(ChunkAt(chunk)) && flight.uncast == nullptr) {
    HOIST_ASSIGN_OR_RETURN(
        flight.uncast, HostArena::Allocate(CastBytesOfRead(engine_.plan())));
  }
  flight.chunk = chunk;
  flight.lease = std::move(lease);
  return &flight;
}

absl::Status Worker::FinishOne() {
  const ReadQueue::Done done = queue_->Wait();
  Flight& flight = flights_[done.tag];
  Lap(times_.read_ns, "read", ChunkAt(flight.chunk).file_bytes);
  --in_flight_;
  HOIST_RETURN_IF_ERROR(AnnotateRead(done.status, ChunkAt(flight.chunk)));
  return FinishChunk(flight);
}

absl::StatusOr<Worker::Flight*> Worker::BoardAlone(int chunk) {
  Lap(times_.read_ns);
  // Leases of reads under way may be what it would wait for.
  while (in_flight_ > 0) {
    HOIST_RETURN_IF_ERROR(FinishOne());
  }
  HOIST_ASSIGN_OR_RETURN(
      std::unique_ptr<Lease> lease,
      engine_.inputs().destination.Acquire(ChunkAt(chunk), /*may_block=*/true));
  Lap(times_.place_ns, "wait for memory");
  return Board(chunk, std::move(lease));
}

absl::Status Worker::ReadEncoded(int chunk) {
  const EngineInputs& inputs = engine_.inputs();
  HOIST_ASSIGN_OR_RETURN(Flight* const flight, BoardAlone(chunk));
  const LoadPlan::Piece& piece = PiecesOf(ChunkAt(chunk)).front();
  const StorageNeed& need = inputs.plan.storages[piece.storage].need;
  const StorageEntry& storage = inputs.catalog.storages[need.storage];
  HOIST_RETURN_IF_ERROR(
      AnnotateRead(chunk_reader_.Read(*inputs.files[storage.file], storage,
                                      need.begin_bytes + piece.offset_bytes,
                                      BytesOf(*flight, piece)),
                   ChunkAt(chunk)));
  Lap(times_.read_ns, "decode", piece.size_bytes);
  return FinishChunk(*flight);
}

absl::Status Worker::ReadStream(const Engine::Task& task) {
  const EngineInputs& inputs = engine_.inputs();
  const LoadPlan::Piece& first =
      inputs.plan.pieces[ChunkAt(task.begin).first_piece];
  const StorageEntry& storage =
      inputs.catalog.storages[inputs.plan.storages[first.storage].need.storage];
  InflateReader stream(*inputs.files[storage.file], storage.offset_bytes,
                       *storage.deflated_bytes);
  for (int i = task.begin; i < task.end; ++i) {
    if (engine_.IsOver()) {
      return absl::OkStatus();
    }
    HOIST_ASSIGN_OR_RETURN(Flight* const flight, BoardAlone(i));
    for (const LoadPlan::Piece& piece : PiecesOf(ChunkAt(i))) {
      HOIST_RETURN_IF_ERROR(
          AnnotateRead(stream.Read(BytesOf(*flight, piece)), ChunkAt(i)));
    }
    Lap(times_.read_ns, "inflate", ChunkAt(i).file_bytes);
    HOIST_RETURN_IF_ERROR(FinishChunk(*flight));
  }
  return AnnotateRead(stream.ExpectEnd(), ChunkAt(task.begin));
}

absl::Status Worker::FinishChunk(Flight& flight) {
  const EngineInputs& inputs = engine_.inputs();
  const LoadPlan::Chunk& chunk = ChunkAt(flight.chunk);
  uint64_t bytes = 0;
  for (int i = 0; i < chunk.piece_count; ++i) {
    const int index = chunk.first_piece + i;
    const LoadPlan::Piece& piece = inputs.plan.pieces[index];
    if (inputs.verify) {
      engine_.checksums().Add(index, BytesOf(flight, piece));
    }
    bytes += piece.size_bytes;
  }
  Lap(times_.verify_ns, inputs.verify ? "verify" : "", bytes);
  for (const LoadPlan::Piece& piece : PiecesOf(chunk)) {
    HOIST_RETURN_IF_ERROR(Convert(flight, piece));
  }
  Lap(times_.convert_ns, IsCastHere(chunk) ? "convert" : "", bytes);
  HOIST_RETURN_IF_ERROR(inputs.destination.Submit(std::move(flight.lease)));
  Lap(times_.place_ns, "submit", bytes);
  engine_.AddDone(bytes);
  return absl::OkStatus();
}

absl::Status Worker::Convert(const Flight& flight,
                             const LoadPlan::Piece& piece) {
  const LoadPlan& plan = engine_.plan();
  const LoadPlan::Storage& storage = plan.storages[piece.storage];
  const absl::Span<uint8_t> bytes = BytesOf(flight, piece);
  const int swap_bytes =
      engine_.inputs().catalog.storages[storage.need.storage].swap_bytes;
  if (swap_bytes > 1) {
    HOIST_RETURN_IF_ERROR(ByteSwap(bytes, swap_bytes));
  }
  if (storage.cast && IsCastHere(ChunkAt(flight.chunk))) {
    HOIST_ASSIGN_OR_RETURN(
        const CastLosses losses,
        CastNumbers(*storage.cast, bytes,
                    {flight.lease->address(piece),
                     static_cast<size_t>(plan.PlaceOf(piece).size_bytes)}));
    engine_.AddLosses(piece.storage, losses);
  }
  return absl::OkStatus();
}

absl::Span<uint8_t> Worker::BytesOf(const Flight& flight,
                                    const LoadPlan::Piece& piece) const {
  const LoadPlan::Chunk& chunk = ChunkAt(flight.chunk);
  if (!IsCastHere(chunk)) {
    return {flight.lease->address(piece), piece.size_bytes};
  }
  // An image of the chunk's part of the file.
  return flight.uncast->bytes().subspan(
      chunk.file_offset % kBlockBytes + FileOffsetOf(piece) - chunk.file_offset,
      piece.size_bytes);
}

std::vector<absl::Span<uint8_t>> Worker::PartsOf(const Flight& flight) {
  const LoadPlan::Chunk& chunk = ChunkAt(flight.chunk);
  std::vector<absl::Span<uint8_t>> parts;
  parts.reserve(2 * chunk.piece_count);
  uint64_t at = chunk.file_offset;
  for (const LoadPlan::Piece& piece : PiecesOf(chunk)) {
    const uint64_t begin = FileOffsetOf(piece);
    if (begin > at) {
      gap_.resize(kMaxGapBytes);
      parts.push_back(absl::MakeSpan(gap_).subspan(0, begin - at));
    }
    const absl::Span<uint8_t> bytes = BytesOf(flight, piece);
    if (!parts.empty() && parts.back().end() == bytes.begin()) {
      parts.back() = {parts.back().data(), parts.back().size() + bytes.size()};
    } else {
      parts.push_back(bytes);
    }
    at = begin + piece.size_bytes;
  }
  return parts;
}

absl::Status Worker::AnnotateRead(const absl::Status& status,
                                  const LoadPlan::Chunk& chunk) const {
  if (status.ok()) {
    return status;
  }
  const LoadPlan& plan = engine_.plan();
  const int storage =
      plan.storages[plan.pieces[chunk.first_piece].storage].need.storage;
  const Catalog& catalog = engine_.inputs().catalog;
  return Annotate(status,
                  absl::StrCat("Storage ", catalog.storages[storage].name,
                               TensorOver(catalog, storage)));
}

// Of the files that were read. Chunks are in the order of files.
absl::Status CheckFilesUnchanged(const EngineInputs& inputs) {
  int checked = -1;
  for (const LoadPlan::Chunk& chunk : inputs.plan.chunks) {
    if (chunk.file != checked) {
      checked = chunk.file;
      HOIST_RETURN_IF_ERROR(inputs.files[checked]->CheckUnchanged());
    }
  }
  return absl::OkStatus();
}

}  // namespace

int EngineThreads(const LoadPlan& plan, const ThreadPool* pool,
                  int max_threads) {
  const int threads = pool == nullptr ? 1 : pool->thread_count() + 1;
  const auto chunks = static_cast<int64_t>(plan.chunks.size());
  return static_cast<int>(
      std::clamp<int64_t>(std::min({threads, max_threads, kMaxEngineThreads}),
                          1, std::max<int64_t>(chunks, 1)));
}

int QueueDepth(int thread_count) {
  constexpr int kAllReads = 16;
  constexpr int kMaxDepth = 8;
  return std::clamp(kAllReads / thread_count, 1, kMaxDepth);
}

uint64_t CastBytesOfRead(const LoadPlan& plan) {
  return plan.max_cast_bytes == 0 ? 0 : plan.max_cast_bytes + kBlockBytes;
}

uint64_t DecodeBytesOfThread(const LoadPlan& plan) {
  // Of a chunk: as it is stored, its planes, and one that is wanted in part.
  return 3 * plan.max_encoded_bytes;
}

absl::StatusOr<EngineResult> ExecutePlan(const EngineInputs& inputs) {
  Engine engine(inputs);
  const int threads =
      EngineThreads(inputs.plan, inputs.pool, inputs.max_threads);
  const auto work = [&engine, threads](int64_t) {
    if (absl::Status status = Worker(engine, QueueDepth(threads)).Run();
        !status.ok()) {
      engine.Fail(status);
    }
    return absl::OkStatus();
  };
  if (inputs.pool != nullptr) {
    HOIST_RETURN_IF_ERROR(ParallelFor(*inputs.pool, threads, work));
  } else {
    HOIST_RETURN_IF_ERROR(work(0));
  }
  HOIST_RETURN_IF_ERROR(engine.status());
  const auto end = Clock::now();
  EngineTimes times = engine.MeanTimes(threads);
  if (inputs.verify) {
    HOIST_RETURN_IF_ERROR(engine.checksums().Compare());
  }
  HOIST_RETURN_IF_ERROR(inputs.destination.Finish());
  HOIST_RETURN_IF_ERROR(CheckFilesUnchanged(inputs));
  times.finish_ns = Nanoseconds(Clock::now() - end);
  return EngineResult{.times = times, .losses = engine.TakeLosses()};
}

}  // namespace hoist
