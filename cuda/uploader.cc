#include "hoist/cuda/uploader.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/mutex.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/event.h"
#include "hoist/cuda/scoped_device.h"
#include "hoist/cuda/stream.h"

namespace hoist {

// No CUDA call is made under a mutex, this one's or the pool's: an event wait
// there would keep Submit() from feeding the device.
class Uploader::Impl {
 public:
  Impl(int device, PinnedPool& pool, int max_slots, Stream stream,
       std::vector<Event> events)
      : device_(device),
        stream_(std::move(stream)),
        events_(std::move(events)),
        borrower_(pool, device, max_slots) {
    for (const Event& event : events_) {
      idle_events_.push_back(event.get());
    }
  }

  PinnedPool::Borrower& borrower() { return borrower_; }
  absl::Status Submit(Slot slot, absl::Span<const Copy> copies)
      ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t uploaded_bytes() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return uploaded_bytes_;
  }

 private:
  // Marks the end of `copies` with `event`.
  absl::Status Start(const uint8_t* slot, absl::Span<const Copy> copies,
                     cudaEvent_t event);
  // Afterwards the copies are over, in whichever way.
  void WaitForEvent(cudaEvent_t event) ABSL_LOCKS_EXCLUDED(mu_);
  void WaitForAllCopies();
  absl::Status Synchronize(cudaEvent_t event);

  const int device_;
  const Stream stream_;
  const std::vector<Event> events_;  // one for each slot that can be held

  Mutex mu_;
  std::vector<cudaEvent_t> idle_events_ ABSL_GUARDED_BY(mu_);
  uint64_t uploaded_bytes_ ABSL_GUARDED_BY(mu_) = 0;

  // Goes first: it waits for the copies. Its status is the sticky error.
  PinnedPool::Borrower borrower_;
};

absl::Status Uploader::Impl::Submit(Slot slot, absl::Span<const Copy> copies) {
  uint64_t size_bytes = 0;
  for (const Copy& copy : copies) {
    size_bytes += copy.size_bytes;
  }
  HOIST_RETURN_IF_ERROR(borrower_.status());
  if (size_bytes == 0) {
    return absl::OkStatus();
  }
  cudaEvent_t event = nullptr;
  {
    MutexLock lock(&mu_);
    HOIST_CHECK(!idle_events_.empty());
    event = idle_events_.back();
    idle_events_.pop_back();
  }
  const absl::Status started = Start(slot.bytes().data(), copies, event);
  if (!started.ok()) {
    // Copies may be under way, and no event says when they end.
    const absl::Status first = borrower_.Close(started);
    WaitForAllCopies();
    MutexLock lock(&mu_);
    idle_events_.push_back(event);
    return first;
  }
  borrower_.ReturnAfter(std::move(slot),
                        [this, event] { WaitForEvent(event); });
  MutexLock lock(&mu_);
  uploaded_bytes_ += size_bytes;
  return absl::OkStatus();
}

absl::Status Uploader::Impl::Start(const uint8_t* slot,
                                   absl::Span<const Copy> copies,
                                   cudaEvent_t event) {
  ScopedDevice scope(device_);
  HOIST_RETURN_IF_ERROR(scope.status());
  for (const Copy& copy : copies) {
    if (copy.size_bytes == 0) {
      continue;
    }
    HOIST_RETURN_IF_ERROR(ToStatus(
        cudaMemcpyAsync(copy.device_destination, slot + copy.offset_bytes,
                        copy.size_bytes, cudaMemcpyHostToDevice, stream_.get()),
        absl::StrCat("Copying ", copy.size_bytes, " bytes to cuda:", device_)));
  }
  return ToStatus(cudaEventRecord(event, stream_.get()),
                  absl::StrCat("Marking the end of a copy to cuda:", device_));
}

void Uploader::Impl::WaitForEvent(cudaEvent_t event) {
  if (const absl::Status waited = Synchronize(event); !waited.ok()) {
    borrower_.Close(waited).IgnoreError();
    WaitForAllCopies();
  }
  MutexLock lock(&mu_);
  idle_events_.push_back(event);
}

absl::Status Uploader::Impl::Synchronize(cudaEvent_t event) {
  ScopedDevice scope(device_);
  HOIST_RETURN_IF_ERROR(scope.status());
  return ToStatus(cudaEventSynchronize(event),
                  absl::StrCat("A copy to cuda:", device_));
}

void Uploader::Impl::WaitForAllCopies() {
  // Waits even if the device could not be selected: the stream knows its own.
  ScopedDevice scope(device_);
  if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) {
    // An error does not say that the copies have ended; ask again, wider.
    cudaDeviceSynchronize();
    cudaGetLastError();
  }
}

Uploader::Uploader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Uploader::~Uploader() = default;

absl::StatusOr<std::unique_ptr<Uploader>> Uploader::Create(int device,
                                                           PinnedPool& pool,
                                                           int max_slots) {
  if (max_slots < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "An upload through ", max_slots, " slots is not possible"));
  }
  // No more can be held, and each has an event.
  max_slots = static_cast<int>(
      std::min<size_t>(max_slots, pool.max_bytes() / pool.slot_bytes()));
  HOIST_ASSIGN_OR_RETURN(Stream stream, Stream::Create(device));
  std::vector<Event> events;
  for (int i = 0; i < max_slots; ++i) {
    HOIST_ASSIGN_OR_RETURN(Event event, Event::Create(device));
    events.push_back(std::move(event));
  }
  return std::unique_ptr<Uploader>(new Uploader(std::make_unique<Impl>(
      device, pool, max_slots, std::move(stream), std::move(events))));
}

absl::StatusOr<Uploader::Slot> Uploader::Acquire() {
  return impl_->borrower().Acquire();
}

absl::Status Uploader::Submit(Slot slot, absl::Span<const Copy> copies) {
  if (!impl_->borrower().Owns(slot)) {
    return absl::InvalidArgumentError("The slot is not one of this Uploader's");
  }
  const size_t slot_bytes = slot.bytes().size();
  for (const Copy& copy : copies) {
    if (copy.offset_bytes > slot_bytes ||
        copy.size_bytes > slot_bytes - copy.offset_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("A copy of ", copy.size_bytes, " bytes at ",
                       copy.offset_bytes, " exceeds the slot's ", slot_bytes));
    }
    if (copy.size_bytes > 0 && copy.device_destination == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "A copy of ", copy.size_bytes, " bytes has no destination"));
    }
  }
  return impl_->Submit(std::move(slot), copies);
}

absl::Status Uploader::Finish() {
  impl_->borrower().Drain();
  return impl_->borrower().status();
}

void Uploader::Cancel() {
  impl_->borrower()
      .Close(absl::CancelledError("The upload was cancelled"))
      .IgnoreError();
}

uint64_t Uploader::uploaded_bytes() const { return impl_->uploaded_bytes(); }

}  // namespace hoist
