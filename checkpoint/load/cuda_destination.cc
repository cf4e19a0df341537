#include "hoist/checkpoint/load/cuda_destination.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/plan/storage_cast.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/device_digests.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

// So many copies are under way while every read fills a slot of its own.
constexpr int kCopiesUnderWay = 4;
// Where each storage begins, as CUDA's own allocations do.
constexpr uint64_t kAlignmentBytes = 256;

// The one cast to wider numbers that all pieces of the chunk have; nullopt if
// they have none, or several.
std::optional<StorageCast> WideningOf(const LoadPlan& plan,
                                      const LoadPlan::Chunk& chunk) {
  std::optional<StorageCast> widening;
  for (int i = 0; i < chunk.piece_count; ++i) {
    const LoadPlan::Piece& piece = plan.pieces[chunk.first_piece + i];
    const std::optional<StorageCast>& cast = plan.storages[piece.storage].cast;
    if (!cast || DTypeBits(cast->to) <= DTypeBits(cast->from) ||
        (widening && widening->from != cast->from)) {
      return std::nullopt;
    }
    widening = cast;
  }
  return widening;
}

// By chunk.
std::vector<std::optional<StorageCast>> WideningsOf(const LoadPlan& plan) {
  std::vector<std::optional<StorageCast>> widenings;
  widenings.reserve(plan.chunks.size());
  for (const LoadPlan::Chunk& chunk : plan.chunks) {
    widenings.push_back(WideningOf(plan, chunk));
  }
  return widenings;
}

class CudaLease : public ChunkDestination::Lease {
 public:
  CudaLease(const LoadPlan& plan, const LoadPlan::Chunk& chunk,
            const std::optional<StorageCast>& widening, Uploader::Slot slot)
      : plan_(plan),
        chunk_(chunk),
        widening_(widening),
        slot_(std::move(slot)) {}

  // The slot holds an image of the chunk's part of the arena; of what is
  // widened, the narrow numbers as far apart as the wide ones will be.
  uint8_t* address(const LoadPlan::Piece& piece) const override {
    return slot_.bytes().data() +
           BytesBeforeCast(widening_,
                           plan_.storages[piece.storage].arena_offset +
                               plan_.PlaceOf(piece).offset_bytes -
                               chunk_.arena_offset);
  }
  const LoadPlan::Chunk& chunk() const { return chunk_; }
  Uploader::Slot TakeSlot() { return std::move(slot_); }

 private:
  const LoadPlan& plan_;
  const LoadPlan::Chunk& chunk_;
  const std::optional<StorageCast> widening_;
  Uploader::Slot slot_;
};

class CudaDestination : public ChunkDestination {
 public:
  CudaDestination(const LoadPlan& plan, PinnedPool& pool,
                  std::shared_ptr<DeviceBuffer> arena,
                  std::unique_ptr<Uploader> uploader,
                  std::vector<std::shared_ptr<Buffer>> buffers,
                  std::vector<std::optional<StorageCast>> widenings,
                  bool verify_on_device)
      : plan_(plan),
        pool_(pool),
        widenings_(std::move(widenings)),
        digests_(verify_on_device ? plan.chunks.size() : 0),
        arena_(std::move(arena)),
        buffers_(std::move(buffers)),
        uploader_(std::move(uploader)) {}

  bool casts(const LoadPlan::Chunk& chunk) const override {
    return WideningAt(chunk).has_value();
  }

  absl::StatusOr<std::unique_ptr<Lease>> Acquire(const LoadPlan::Chunk& chunk,
                                                 bool may_block) override {
    if (may_block) {
      HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader_->Acquire());
      return std::make_unique<CudaLease>(plan_, chunk, WideningAt(chunk),
                                         std::move(slot));
    }
    HOIST_ASSIGN_OR_RETURN(std::optional<Uploader::Slot> slot,
                           uploader_->TryAcquire());
    if (!slot) {
      return nullptr;
    }
    return std::make_unique<CudaLease>(plan_, chunk, WideningAt(chunk),
                                       *std::move(slot));
  }

  absl::Status Submit(std::unique_ptr<Lease> lease) override {
    auto& cuda_lease = static_cast<CudaLease&>(*lease);
    const LoadPlan::Chunk& chunk = cuda_lease.chunk();
    Uploader::Slot slot = cuda_lease.TakeSlot();
    if (!digests_.empty()) {
      digests_[&chunk - plan_.chunks.data()] =
          Digest64(slot.bytes().subspan(0, chunk.arena_bytes));
    }
    if (const auto widening = WideningAt(chunk)) {
      // With what lies between the pieces, which nobody sees.
      const uint64_t source_bytes =
          BytesBeforeCast(widening, chunk.arena_bytes);
      const auto element_bytes =
          static_cast<uint64_t>(DTypeBits(widening->from)) / 8;
      return uploader_->Submit(std::move(slot), {},
                               {{.count = source_bytes / element_bytes,
                                 .from = widening->from,
                                 .to = widening->to,
                                 .device_destination = At(chunk)}});
    }
    return uploader_->Submit(
        std::move(slot),
        {{.size_bytes = chunk.arena_bytes, .device_destination = At(chunk)}});
  }

  absl::Status Finish() override {
    HOIST_RETURN_IF_ERROR(uploader_->Finish());
    return digests_.empty() ? absl::OkStatus() : CompareDigests();
  }

  std::shared_ptr<Buffer> buffer(int i) const override { return buffers_[i]; }

  uint64_t pinned_bytes() const override { return pool_.pinned_bytes(); }
  uint64_t device_bytes() const override {
    return arena_->size_bytes() + uploader_->cast_memory_bytes();
  }

 private:
  std::optional<StorageCast> WideningAt(const LoadPlan::Chunk& chunk) const {
    return widenings_.empty() ? std::nullopt
                              : widenings_[&chunk - plan_.chunks.data()];
  }
  uint8_t* At(const LoadPlan::Chunk& chunk) const {
    return static_cast<uint8_t*>(arena_->data()) + chunk.arena_offset;
  }
  absl::Status CompareDigests() const;

  const LoadPlan& plan_;
  PinnedPool& pool_;
  // By chunk, what the device casts; empty if that is nothing.
  const std::vector<std::optional<StorageCast>> widenings_;
  // By chunk, of what was submitted; none if nothing is to be compared.
  std::vector<uint64_t> digests_;
  const std::shared_ptr<DeviceBuffer> arena_;
  const std::vector<std::shared_ptr<Buffer>> buffers_;
  // Goes first: it waits for the copies into the arena.
  const std::unique_ptr<Uploader> uploader_;
};

absl::Status CudaDestination::CompareDigests() const {
  std::vector<DeviceRange> ranges;
  ranges.reserve(plan_.chunks.size());
  for (const LoadPlan::Chunk& chunk : plan_.chunks) {
    ranges.push_back({.data = At(chunk), .size_bytes = chunk.arena_bytes});
  }
  const int device = arena_->device();
  HOIST_ASSIGN_OR_RETURN(const std::vector<uint64_t> found,
                         DeviceDigests(device, ranges, pool_));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] != digests_[i]) {
      return WithHint(
          absl::DataLossError(absl::StrCat(
              "Of the bytes that were uploaded to cuda:", device, " the ",
              ranges[i].size_bytes, " at ", plan_.chunks[i].arena_offset,
              " are not there: memory or the link to it is at fault")),
          "Load again; if it happens twice, have the GPU checked");
    }
  }
  return absl::OkStatus();
}

}  // namespace

PlanOptions CudaPlanOptions(uint64_t slot_bytes) {
  return {.chunk_bytes = slot_bytes, .alignment_bytes = kAlignmentBytes};
}

int CudaSlotCount(const LoadPlan& plan, int read_count) {
  return static_cast<int>(
      std::clamp<size_t>(plan.chunks.size(), 1,
                         static_cast<size_t>(read_count + kCopiesUnderWay)));
}

uint64_t CudaCastBytes(const LoadPlan& plan, int slot_count,
                       bool verify_on_device) {
  uint64_t most = 0;
  for (size_t i = 0; i < plan.chunks.size() && !verify_on_device; ++i) {
    if (const auto widening = WideningOf(plan, plan.chunks[i])) {
      most =
          std::max(most, BytesBeforeCast(widening, plan.chunks[i].arena_bytes));
    }
  }
  return static_cast<uint64_t>(slot_count) *
         ((most + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes);
}

absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeCudaDestination(
    const LoadPlan& plan, int device, PinnedPool& pool, int slot_count,
    bool verify_on_device, TraceRecorder* trace) {
  HOIST_ASSIGN_OR_RETURN(DeviceBuffer memory,
                         DeviceBuffer::Allocate(device, plan.arena_bytes));
  auto arena = std::make_shared<DeviceBuffer>(std::move(memory));
  std::vector<std::shared_ptr<Buffer>> buffers;
  buffers.reserve(plan.storages.size());
  for (const LoadPlan::Storage& storage : plan.storages) {
    const uint64_t size = storage.loaded_bytes;
    void* const data =
        size == 0 ? nullptr
                  : static_cast<uint8_t*>(arena->data()) + storage.arena_offset;
    // Each holds on to the arena, which goes with the last of them.
    buffers.push_back(
        Buffer::Wrap(data, size, Device::Cuda(device), [arena] {}));
  }
  const uint64_t cast_bytes =
      CudaCastBytes(plan, slot_count, verify_on_device) /
      static_cast<uint64_t>(slot_count);
  HOIST_ASSIGN_OR_RETURN(
      std::unique_ptr<Uploader> uploader,
      Uploader::Create(device, pool, slot_count,
                       {.cast_bytes = cast_bytes, .trace = trace}));
  std::vector<std::optional<StorageCast>> widenings;
  if (uploader->can_cast()) {
    widenings = WideningsOf(plan);
  }
  return std::make_unique<CudaDestination>(
      plan, pool, std::move(arena), std::move(uploader), std::move(buffers),
      std::move(widenings), verify_on_device);
}

}  // namespace hoist
