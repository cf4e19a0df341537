#include "hoist/checkpoint/formats/native/write_chunks.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/write/execute_write.h"
#include "hoist/checkpoint/write/write_plan.h"
#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

// Storages from so many bytes on begin at a page.
constexpr uint64_t kLargeBytes = uint64_t{64} << 10;
// Smaller ones are not encoded: a read of its own costs more than it saves.
constexpr uint64_t kMinEncodedBytes = uint64_t{16} << 10;

uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

uint64_t AlignmentOf(const StorageEntry& storage) {
  return storage.size_bytes >= kLargeBytes ? kNativePageBytes
                                           : kNativeAlignment;
}

// Indices of storages in the order of their places: small ones together, and
// empty ones nowhere.
std::vector<int> InOrder(const std::vector<StorageEntry>& storages) {
  std::vector<int> order;
  for (const bool is_large : {false, true}) {
    for (size_t i = 0; i < storages.size(); ++i) {
      if (storages[i].size_bytes > 0 &&
          (storages[i].size_bytes >= kLargeBytes) == is_large) {
        order.push_back(static_cast<int>(i));
      }
    }
  }
  return order;
}

// Gives `storage`, whose place is known, its chunks as if they were all raw.
void CutIntoChunks(uint32_t chunk_bytes, StorageEntry& storage) {
  for (uint64_t at = 0; at < storage.size_bytes; at += chunk_bytes) {
    const auto size = static_cast<uint32_t>(
        std::min<uint64_t>(chunk_bytes, storage.size_bytes - at));
    storage.chunks.push_back({.offset_bytes = storage.offset_bytes + at,
                              .stored_bytes = size,
                              .size_bytes = size});
  }
}

// Checksums of chunks, out of those of the parts of them that are written at
// once. Each piece is for one thread.
class PartChecksums {
 public:
  PartChecksums(const WritePlan& plan, uint32_t chunk_bytes)
      : plan_(plan), chunk_bytes_(chunk_bytes), parts_(plan.pieces.size()) {}

  void Add(int piece, absl::Span<const uint8_t> bytes) {
    uint64_t at = plan_.pieces[piece].offset_bytes;
    while (!bytes.empty()) {
      const size_t size =
          std::min<uint64_t>(chunk_bytes_ - at % chunk_bytes_, bytes.size());
      parts_[piece].push_back({.chunk = at / chunk_bytes_,
                               .size_bytes = size,
                               .crc32c = Crc32c(bytes.first(size))});
      at += size;
      bytes.remove_prefix(size);
    }
  }

  // For when all is added: pieces of a storage come in order.
  void SetChecksums(absl::Span<const int> storages,
                    std::vector<StorageEntry>& entries) const {
    for (size_t i = 0; i < parts_.size(); ++i) {
      StorageEntry& entry = entries[storages[plan_.pieces[i].placement]];
      for (const Part& part : parts_[i]) {
        StorageChunk& chunk = entry.chunks[part.chunk];
        chunk.crc32c =
            CombineCrc32c(chunk.crc32c, part.crc32c, part.size_bytes);
        chunk.stored_crc32c = chunk.crc32c;
      }
    }
  }

 private:
  struct Part {
    uint64_t chunk = 0;
    size_t size_bytes = 0;
    uint32_t crc32c = 0;
  };
  const WritePlan& plan_;
  const uint32_t chunk_bytes_;
  std::vector<std::vector<Part>> parts_;  // by piece
};

// Encodes chunks on several threads; their places follow each other in the
// order of the chunks, whoever is ready first.
class EncodedWrite {
 public:
  EncodedWrite(const ChunkInputs& inputs, NativeContent& content)
      : inputs_(inputs), content_(content) {
    for (const int index : InOrder(content.catalog.storages)) {
      StorageEntry& storage = content.catalog.storages[index];
      CutIntoChunks(inputs.chunk_bytes, storage);
      for (size_t i = 0; i < storage.chunks.size(); ++i) {
        tasks_.push_back({.storage = index, .chunk = i});
      }
    }
  }

  // Takes chunks until there is none.
  absl::Status Work() ABSL_LOCKS_EXCLUDED(take_mu_, place_mu_);
  uint64_t Finish() ABSL_LOCKS_EXCLUDED(place_mu_);

 private:
  struct Task {
    int storage = 0;
    size_t chunk = 0;
  };

  // Reads the next chunk; false if there is none.
  absl::StatusOr<bool> TakeNext(size_t& task, std::vector<uint8_t>& bytes)
      ABSL_LOCKS_EXCLUDED(take_mu_);
  absl::Status ReadTask(const Task& task, std::vector<uint8_t>& bytes);
  absl::Status WriteTask(size_t task, absl::Span<const uint8_t> bytes,
                         ChunkEncoder& encoder);
  // Waits until the chunks before have their places; false if one failed.
  bool TakePlace(size_t task, StorageChunk& chunk)
      ABSL_LOCKS_EXCLUDED(place_mu_);
  void Fail() ABSL_LOCKS_EXCLUDED(place_mu_);

  const ChunkInputs& inputs_;
  NativeContent& content_;
  std::vector<Task> tasks_;
  Mutex take_mu_;
  size_t next_task_ ABSL_GUARDED_BY(take_mu_) = 0;
  Mutex place_mu_;
  CondVar has_place_;
  size_t placed_ ABSL_GUARDED_BY(place_mu_) = 0;  // tasks that have one
  uint64_t end_ ABSL_GUARDED_BY(place_mu_) = kNativeBlockBytes;
  bool has_failed_ ABSL_GUARDED_BY(place_mu_) = false;
  std::atomic<uint64_t> done_bytes_ = 0;
};

absl::Status EncodedWrite::Work() {
  std::vector<uint8_t> bytes;
  ChunkEncoder encoder;
  for (;;) {
    size_t task = 0;
    absl::StatusOr<bool> has_task = TakeNext(task, bytes);
    const absl::Status status = has_task.ok() && *has_task
                                    ? WriteTask(task, bytes, encoder)
                                    : has_task.status();
    if (!status.ok()) {
      Fail();
      return status;
    }
    if (!*has_task) {
      return absl::OkStatus();
    }
  }
}

absl::StatusOr<bool> EncodedWrite::TakeNext(size_t& task,
                                            std::vector<uint8_t>& bytes) {
  if (inputs_.cancel != nullptr && inputs_.cancel->is_cancelled()) {
    return absl::CancelledError("Writing was cancelled");
  }
  {
    const MutexLock lock(&take_mu_);
    if (next_task_ == tasks_.size()) {
      return false;
    }
    task = next_task_++;
    const int source = content_.sources[tasks_[task].storage].storage;
    // What can only be read from its start is read in order.
    if (inputs_.source.storages[source].deflated_bytes) {
      HOIST_RETURN_IF_ERROR(ReadTask(tasks_[task], bytes));
      return true;
    }
  }
  HOIST_RETURN_IF_ERROR(ReadTask(tasks_[task], bytes));
  return true;
}

absl::Status EncodedWrite::ReadTask(const Task& task,
                                    std::vector<uint8_t>& bytes) {
  const NativeContent::Source& source = content_.sources[task.storage];
  const StorageChunk& chunk =
      content_.catalog.storages[task.storage].chunks[task.chunk];
  bytes.resize(chunk.size_bytes);
  return inputs_.reader.Read(
      source.storage, source.begin_bytes + task.chunk * inputs_.chunk_bytes,
      absl::MakeSpan(bytes));
}

absl::Status EncodedWrite::WriteTask(size_t index,
                                     absl::Span<const uint8_t> bytes,
                                     ChunkEncoder& encoder) {
  const Task& task = tasks_[index];
  StorageEntry& storage = content_.catalog.storages[task.storage];
  StorageChunk& chunk = storage.chunks[task.chunk];
  ChunkEncoder::Encoded encoded = {.stored = bytes};
  if (storage.size_bytes >= kMinEncodedBytes) {
    HOIST_ASSIGN_OR_RETURN(
        encoded,
        encoder.Encode(bytes, content_.sources[task.storage].float_bytes));
  }
  chunk.encoding = encoded.encoding;
  chunk.stored_bytes = static_cast<uint32_t>(encoded.stored.size());
  chunk.crc32c = Crc32c(bytes);
  chunk.stored_crc32c = encoded.encoding == ChunkEncoding::kRaw
                            ? chunk.crc32c
                            : Crc32c(encoded.stored);
  if (!TakePlace(index, chunk)) {
    return absl::OkStatus();
  }
  HOIST_RETURN_IF_ERROR(
      inputs_.file.WriteAt(chunk.offset_bytes, encoded.stored));
  const uint64_t done = done_bytes_ += bytes.size();
  if (inputs_.on_progress) {
    inputs_.on_progress(done);
  }
  return absl::OkStatus();
}

bool EncodedWrite::TakePlace(size_t index, StorageChunk& chunk) {
  const Task& task = tasks_[index];
  StorageEntry& storage = content_.catalog.storages[task.storage];
  const MutexLock lock(&place_mu_);
  while (placed_ != index && !has_failed_) {
    has_place_.Wait(&place_mu_);
  }
  if (has_failed_) {
    return false;
  }
  if (task.chunk == 0) {
    end_ = AlignUp(end_, AlignmentOf(storage));
    storage.offset_bytes = end_;
  }
  chunk.offset_bytes = end_;
  end_ += chunk.stored_bytes;
  ++placed_;
  has_place_.SignalAll();
  return true;
}

void EncodedWrite::Fail() {
  const MutexLock lock(&place_mu_);
  has_failed_ = true;
  has_place_.SignalAll();
}

uint64_t EncodedWrite::Finish() {
  for (StorageEntry& storage : content_.catalog.storages) {
    uint64_t stored_bytes = 0;
    bool is_encoded = false;
    for (const StorageChunk& chunk : storage.chunks) {
      stored_bytes += chunk.stored_bytes;
      is_encoded = is_encoded || chunk.encoding != ChunkEncoding::kRaw;
    }
    if (is_encoded) {
      storage.encoded_bytes = stored_bytes;
    }
  }
  const MutexLock lock(&place_mu_);
  return end_;
}

}  // namespace

absl::StatusOr<uint64_t> WriteRawChunks(const ChunkInputs& inputs,
                                        NativeContent& content) {
  std::vector<StorageEntry>& storages = content.catalog.storages;
  const std::vector<int> order = InOrder(storages);
  std::vector<StoragePlacement> placements;
  uint64_t end = kNativeBlockBytes;
  for (const int index : order) {
    StorageEntry& storage = storages[index];
    storage.offset_bytes = AlignUp(end, AlignmentOf(storage));
    CutIntoChunks(inputs.chunk_bytes, storage);
    placements.push_back({.storage = content.sources[index].storage,
                          .begin_bytes = content.sources[index].begin_bytes,
                          .size_bytes = storage.size_bytes,
                          .file_offset = storage.offset_bytes});
    end = storage.offset_bytes + storage.size_bytes;
  }
  const WritePlan plan = MakeWritePlan(inputs.source, std::move(placements));
  PartChecksums checksums(plan, inputs.chunk_bytes);
  OutputFile* const file = &inputs.file;
  HOIST_RETURN_IF_ERROR(ExecuteWrite(
      {.plan = plan,
       .reader = inputs.reader,
       .files = {&file, 1},
       .pool = inputs.pool,
       .cancel = inputs.cancel,
       .on_piece =
           [&checksums](int piece, absl::Span<const uint8_t> bytes) {
             checksums.Add(piece, bytes);
           },
       .on_progress = inputs.on_progress}));
  checksums.SetChecksums(order, storages);
  return end;
}

absl::StatusOr<uint64_t> WriteEncodedChunks(const ChunkInputs& inputs,
                                            NativeContent& content) {
  EncodedWrite write(inputs, content);
  const auto work = [&write](int64_t) { return write.Work(); };
  if (inputs.pool == nullptr) {
    HOIST_RETURN_IF_ERROR(work(0));
  } else {
    HOIST_RETURN_IF_ERROR(
        ParallelFor(*inputs.pool, inputs.pool->thread_count() + 1, work));
  }
  return write.Finish();
}

}  // namespace hoist
