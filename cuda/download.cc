#include "hoist/cuda/download.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/event.h"
#include "hoist/cuda/nvtx_range.h"
#include "hoist/cuda/scoped_device.h"
#include "hoist/cuda/stream.h"

namespace hoist {
namespace {

// A slot that is being filled, and where its parts go then.
struct Batch {
  struct Part {
    size_t offset_bytes = 0;  // in the slot
    size_t size_bytes = 0;
    uint8_t* destination = nullptr;
  };

  PinnedPool::Slot slot;
  Event event;
  std::vector<Part> parts;
  size_t used_bytes = 0;
};

class Downloader {
 public:
  Downloader(Stream stream, PinnedPool& pool, int max_slots)
      : stream_(std::move(stream)),
        borrower_(pool, stream_.device(), max_slots),
        max_slots_(static_cast<size_t>(max_slots)) {}
  // Slots that copies are under way to must not go back.
  ~Downloader() {
    if (!under_way_.empty() || filling_) {
      WaitForAll();
    }
  }

  // The device is the current one, in all of these.
  absl::Status Add(DeviceCopy copy);
  absl::Status Finish();

 private:
  // The slot that is filled next, with room in it.
  absl::StatusOr<Batch*> Fill();
  absl::Status Seal();
  // Waits for the oldest, and takes its bytes to where they go.
  absl::StatusOr<Batch> EmptyOldest();
  void WaitForAll() {
    if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) {
      // An error does not say that the copies have ended; ask again, wider.
      cudaDeviceSynchronize();
      cudaGetLastError();
    }
  }

  const Stream stream_;
  PinnedPool::Borrower borrower_;
  const size_t max_slots_;
  std::deque<Batch> under_way_;  // oldest first
  std::optional<Batch> filling_;
};

absl::StatusOr<Batch> Downloader::EmptyOldest() {
  // Stays there if the wait fails, for what it may still be copied to.
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaEventSynchronize(under_way_.front().event.get()),
               absl::StrCat("A copy from cuda:", stream_.device())));
  Batch batch = std::move(under_way_.front());
  under_way_.pop_front();
  for (const Batch::Part& part : batch.parts) {
    std::memcpy(part.destination, batch.slot.bytes().data() + part.offset_bytes,
                part.size_bytes);
  }
  batch.parts.clear();
  batch.used_bytes = 0;
  return batch;
}

absl::StatusOr<Batch*> Downloader::Fill() {
  if (filling_ && filling_->used_bytes == filling_->slot.bytes().size()) {
    HOIST_RETURN_IF_ERROR(Seal());
  }
  if (filling_) {
    return &*filling_;
  }
  if (under_way_.size() < max_slots_) {
    // With some under way, waiting for another's slot could be for ever.
    std::optional<PinnedPool::Slot> slot;
    if (under_way_.empty()) {
      HOIST_ASSIGN_OR_RETURN(slot, borrower_.Acquire());
    } else {
      HOIST_ASSIGN_OR_RETURN(slot, borrower_.TryAcquire());
    }
    if (slot) {
      HOIST_ASSIGN_OR_RETURN(Event event, Event::Create(stream_.device()));
      filling_.emplace(
          Batch{.slot = *std::move(slot), .event = std::move(event)});
      return &*filling_;
    }
  }
  HOIST_ASSIGN_OR_RETURN(Batch batch, EmptyOldest());
  filling_.emplace(std::move(batch));
  return &*filling_;
}

absl::Status Downloader::Seal() {
  HOIST_RETURN_IF_ERROR(ToStatus(
      cudaEventRecord(filling_->event.get(), stream_.get()),
      absl::StrCat("Marking the end of a copy from cuda:", stream_.device())));
  under_way_.push_back(*std::move(filling_));
  filling_.reset();
  return absl::OkStatus();
}

absl::Status Downloader::Add(DeviceCopy copy) {
  while (copy.size_bytes > 0) {
    HOIST_ASSIGN_OR_RETURN(Batch* const batch, Fill());
    const absl::Span<uint8_t> room =
        batch->slot.bytes().subspan(batch->used_bytes);
    const size_t size = std::min(copy.size_bytes, room.size());
    HOIST_RETURN_IF_ERROR(ToStatus(
        cudaMemcpyAsync(room.data(), copy.device_source, size,
                        cudaMemcpyDeviceToHost, stream_.get()),
        absl::StrCat("Copying ", size, " bytes from cuda:", stream_.device())));
    batch->parts.push_back({.offset_bytes = batch->used_bytes,
                            .size_bytes = size,
                            .destination = copy.destination});
    batch->used_bytes += size;
    copy.device_source += size;
    copy.destination += size;
    copy.size_bytes -= size;
  }
  return absl::OkStatus();
}

absl::Status Downloader::Finish() {
  if (filling_) {
    HOIST_RETURN_IF_ERROR(Seal());
  }
  while (!under_way_.empty()) {
    HOIST_RETURN_IF_ERROR(EmptyOldest().status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Download(int device, absl::Span<const DeviceCopy> copies,
                      PinnedPool& pool, int max_slots) {
  const NvtxRange range("Download");
  if (max_slots < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A download through ", max_slots, " slots is not possible"));
  }
  const ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaDeviceSynchronize(),
               absl::StrCat("Waiting for what cuda:", device, " does")));
  HOIST_ASSIGN_OR_RETURN(Stream stream, Stream::Create(device));
  Downloader downloader(std::move(stream), pool, max_slots);
  for (const DeviceCopy& copy : copies) {
    HOIST_RETURN_IF_ERROR(downloader.Add(copy));
  }
  return downloader.Finish();
}

}  // namespace hoist
