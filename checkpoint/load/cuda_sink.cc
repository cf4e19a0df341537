#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

constexpr uint64_t kSlotBytes = uint64_t{4} << 20;
// So many copies are under way while every thread fills a slot of its own.
constexpr int kCopiesUnderWay = 4;
constexpr int kMaxSlots = 64;
// Where each storage begins, as CUDA's own allocations do.
constexpr uint64_t kAlignmentBytes = 256;

class CudaSink : public StorageSink {
 public:
  CudaSink(std::shared_ptr<DeviceBuffer> arena,
           std::unique_ptr<Uploader> uploader,
           std::vector<std::shared_ptr<Buffer>> buffers)
      : arena_(std::move(arena)),
        buffers_(std::move(buffers)),
        uploader_(std::move(uploader)) {}

  uint64_t max_chunk_bytes() const override { return kSlotBytes; }

  absl::Status Place(
      const Chunk& chunk,
      absl::FunctionRef<absl::Status(absl::Span<uint8_t>)> fill) override {
    HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader_->Acquire());
    HOIST_RETURN_IF_ERROR(fill(slot.bytes().subspan(0, chunk.size_bytes)));
    uint8_t* const to = static_cast<uint8_t*>(buffers_[chunk.storage]->data()) +
                        chunk.offset_bytes;
    return uploader_->Submit(std::move(slot), chunk.size_bytes, to);
  }

  absl::Status Finish() override { return uploader_->Finish(); }

  std::shared_ptr<Buffer> buffer(int storage) const override {
    return buffers_[storage];
  }

  uint64_t host_bytes() const override { return 0; }
  uint64_t pinned_bytes() const override { return uploader_->pinned_bytes(); }
  uint64_t device_bytes() const override { return arena_->size_bytes(); }

 private:
  const std::shared_ptr<DeviceBuffer> arena_;
  const std::vector<std::shared_ptr<Buffer>> buffers_;  // null for unused ones
  // Goes first: it waits for the copies into the arena.
  const std::unique_ptr<Uploader> uploader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StorageSink>> MakeCudaSink(
    const Catalog& catalog, absl::Span<const int> storages, int device,
    int thread_count) {
  std::vector<uint64_t> offsets(catalog.storages.size(), 0);
  uint64_t total = 0;
  for (const int storage : storages) {
    offsets[storage] = total;
    const auto end = CheckedAdd(total, catalog.storages[storage].size_bytes);
    const auto padded = end ? CheckedAdd(*end, kAlignmentBytes - 1) : end;
    if (!padded) {
      return absl::ResourceExhaustedError(
          "The tensors have more bytes than there are addresses");
    }
    total = *padded / kAlignmentBytes * kAlignmentBytes;
  }
  HOIST_ASSIGN_OR_RETURN(DeviceBuffer memory,
                         DeviceBuffer::Allocate(device, total));
  auto arena = std::make_shared<DeviceBuffer>(std::move(memory));
  std::vector<std::shared_ptr<Buffer>> buffers(catalog.storages.size());
  for (const int storage : storages) {
    const uint64_t size = catalog.storages[storage].size_bytes;
    void* const data =
        size == 0 ? nullptr
                  : static_cast<uint8_t*>(arena->data()) + offsets[storage];
    // Each holds on to the arena, which goes with the last of them.
    buffers[storage] =
        Buffer::Wrap(data, size, Device::Cuda(device), [arena] {});
  }
  const int slots = std::clamp(thread_count + kCopiesUnderWay, 2, kMaxSlots);
  HOIST_ASSIGN_OR_RETURN(std::unique_ptr<Uploader> uploader,
                         Uploader::Create(device, {.slot_bytes = kSlotBytes,
                                                   .slot_count = slots}));
  return std::make_unique<CudaSink>(std::move(arena), std::move(uploader),
                                    std::move(buffers));
}

}  // namespace hoist
