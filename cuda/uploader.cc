#include "hoist/cuda/uploader.h"

#include <cuda_runtime_api.h>

#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/mutex.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/event.h"
#include "hoist/cuda/pinned_buffer.h"
#include "hoist/cuda/scoped_device.h"
#include "hoist/cuda/stream.h"

namespace hoist {

// A slot is in `free_`, leased, or in `in_flight_`. No CUDA call is made under
// the mutex: an event wait there would keep Submit() from feeding the device.
class Uploader::Ring {
 public:
  Ring(int device, const Options& options, PinnedBuffer pinned, Stream stream,
       std::vector<Event> events)
      : device_(device),
        options_(options),
        pinned_(std::move(pinned)),
        stream_(std::move(stream)),
        events_(std::move(events)) {
    for (int i = 0; i < options_.slot_count; ++i) {
      free_.push_back(i);
    }
  }

  ~Ring() {
    WaitForCopies().IgnoreError();
    MutexLock lock(&mu_);
    HOIST_CHECK(leased_ == 0);
  }

  absl::StatusOr<int> Acquire() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Submit(int slot, size_t size_bytes, void* destination)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Finish() ABSL_LOCKS_EXCLUDED(mu_);

  // Puts a leased slot back. It must not be the source of a copy under way.
  void Return(int slot) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    --leased_;
    free_.push_back(slot);
    changed_.Signal();
  }

  // Keeps `error` if it is the first, and returns the first.
  absl::Status Fail(const absl::Status& error) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    if (error_.ok()) {
      error_ = error;
    }
    changed_.SignalAll();
    return error_;
  }

  absl::Span<uint8_t> SlotBytes(int slot) const {
    return pinned_.bytes().subspan(slot * options_.slot_bytes,
                                   options_.slot_bytes);
  }
  const Options& options() const { return options_; }
  uint64_t uploaded_bytes() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return uploaded_bytes_;
  }

 private:
  absl::Status StartCopy(int slot, size_t size_bytes, void* destination);
  absl::Status WaitForSlot(int slot);
  absl::Status WaitForCopies();
  absl::Status error() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return error_;
  }

  const int device_;
  const Options options_;
  const PinnedBuffer pinned_;
  const Stream stream_;
  const std::vector<Event> events_;

  Mutex mu_;
  CondVar changed_;
  std::deque<int> free_ ABSL_GUARDED_BY(mu_);
  std::deque<int> in_flight_ ABSL_GUARDED_BY(mu_);  // oldest first
  int leased_ ABSL_GUARDED_BY(mu_) = 0;
  // Whether some thread waits for the event of the oldest copy, without mu_.
  bool waiting_for_copy_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t uploaded_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status error_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<int> Uploader::Ring::Acquire() {
  mu_.Lock();
  while (error_.ok() && free_.empty()) {
    if (waiting_for_copy_ || in_flight_.empty()) {
      changed_.Wait(&mu_);
      continue;
    }
    const int oldest = in_flight_.front();
    in_flight_.pop_front();
    waiting_for_copy_ = true;
    mu_.Unlock();
    const absl::Status waited = WaitForSlot(oldest);
    mu_.Lock();
    waiting_for_copy_ = false;
    if (waited.ok()) {
      free_.push_back(oldest);
    } else if (error_.ok()) {
      error_ = waited;
    }
    changed_.SignalAll();
  }
  if (const absl::Status error = error_; !error.ok()) {
    mu_.Unlock();
    return error;
  }
  const int slot = free_.front();
  free_.pop_front();
  ++leased_;
  mu_.Unlock();
  return slot;
}

absl::Status Uploader::Ring::Submit(int slot, size_t size_bytes,
                                    void* destination) {
  absl::Status status = error();
  if (status.ok() && size_bytes > 0) {
    status = StartCopy(slot, size_bytes, destination);
    if (!status.ok()) {
      // The copy may have started, so the slot is not reused: no slot is
      // handed out after an error.
      status = Fail(status);
    }
  }
  MutexLock lock(&mu_);
  --leased_;
  if (!status.ok() || size_bytes == 0) {
    free_.push_back(slot);
  } else {
    in_flight_.push_back(slot);
    uploaded_bytes_ += size_bytes;
  }
  changed_.Signal();
  return status;
}

absl::Status Uploader::Ring::Finish() {
  if (const absl::Status waited = WaitForCopies(); !waited.ok()) {
    return Fail(waited);
  }
  return error();
}

absl::Status Uploader::Ring::StartCopy(int slot, size_t size_bytes,
                                       void* destination) {
  ScopedDevice scope(device_);
  HOIST_RETURN_IF_ERROR(scope.status());
  HOIST_RETURN_IF_ERROR(ToStatus(
      cudaMemcpyAsync(destination, SlotBytes(slot).data(), size_bytes,
                      cudaMemcpyHostToDevice, stream_.get()),
      absl::StrCat("Copying ", size_bytes, " bytes to cuda:", device_)));
  return ToStatus(cudaEventRecord(events_[slot].get(), stream_.get()),
                  absl::StrCat("Marking the end of a copy to cuda:", device_));
}

absl::Status Uploader::Ring::WaitForSlot(int slot) {
  ScopedDevice scope(device_);
  HOIST_RETURN_IF_ERROR(scope.status());
  return ToStatus(cudaEventSynchronize(events_[slot].get()),
                  absl::StrCat("A copy to cuda:", device_));
}

absl::Status Uploader::Ring::WaitForCopies() {
  // Waits even if the device could not be selected: the stream knows its own.
  ScopedDevice scope(device_);
  const cudaError_t error = cudaStreamSynchronize(stream_.get());
  if (error != cudaSuccess) {
    // An error does not say that the copies have ended; ask again, wider.
    cudaDeviceSynchronize();
  }
  return ToStatus(error, absl::StrCat("A copy to cuda:", device_));
}

Uploader::Uploader(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}

Uploader::~Uploader() = default;

Uploader::Slot::~Slot() {
  if (owner_ != nullptr) {
    owner_->ring_->Return(index_);
  }
}

absl::StatusOr<std::unique_ptr<Uploader>> Uploader::Create(
    int device, const Options& options) {
  if (options.slot_bytes == 0 || options.slot_count < 1 ||
      options.slot_bytes > kMaxPinnedBytes / options.slot_count) {
    return absl::InvalidArgumentError(
        absl::StrCat("An upload ring of ", options.slot_count, " slots of ",
                     options.slot_bytes,
                     " bytes is not possible: at least 1 slot of 1 "
                     "byte, and at most ",
                     kMaxPinnedBytes, " bytes together, are"));
  }
  HOIST_ASSIGN_OR_RETURN(
      PinnedBuffer pinned,
      PinnedBuffer::Allocate(device, options.slot_bytes * options.slot_count));
  HOIST_ASSIGN_OR_RETURN(Stream stream, Stream::Create(device));
  std::vector<Event> events;
  for (int i = 0; i < options.slot_count; ++i) {
    HOIST_ASSIGN_OR_RETURN(Event event, Event::Create(device));
    events.push_back(std::move(event));
  }
  return std::unique_ptr<Uploader>(new Uploader(
      std::make_unique<Ring>(device, options, std::move(pinned),
                             std::move(stream), std::move(events))));
}

absl::StatusOr<Uploader::Slot> Uploader::Acquire() {
  HOIST_ASSIGN_OR_RETURN(const int index, ring_->Acquire());
  return Slot(this, index, ring_->SlotBytes(index));
}

absl::Status Uploader::Submit(Slot slot, size_t size_bytes,
                              void* device_destination) {
  if (slot.owner_ != this) {
    return absl::InvalidArgumentError("The slot is not one of this Uploader's");
  }
  if (size_bytes > slot.bytes_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("A copy of ", size_bytes,
                                                   " bytes exceeds the slot's ",
                                                   slot.bytes_.size()));
  }
  if (size_bytes > 0 && device_destination == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("A copy of ", size_bytes, " bytes has no destination"));
  }
  slot.owner_ = nullptr;
  return ring_->Submit(slot.index_, size_bytes, device_destination);
}

absl::Status Uploader::Finish() { return ring_->Finish(); }

void Uploader::Cancel() {
  ring_->Fail(absl::CancelledError("The upload was cancelled")).IgnoreError();
}

size_t Uploader::pinned_bytes() const {
  return ring_->options().slot_bytes * ring_->options().slot_count;
}

uint64_t Uploader::uploaded_bytes() const { return ring_->uploaded_bytes(); }

}  // namespace hoist
