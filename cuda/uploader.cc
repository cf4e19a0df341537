#include "hoist/cuda/uploader.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/thread/mutex.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/event.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/nvtx_range.h"
#include "hoist/cuda/scoped_device.h"
#include "hoist/cuda/stream.h"
#include "hoist/cuda/stream_trace.h"

namespace hoist {

namespace {

// Where the sources of casts begin.
constexpr size_t kCastAlignmentBytes = 256;

size_t SourceBytes(const Uploader::Cast& cast) {
  return cast.count * static_cast<size_t>(DTypeBits(cast.from)) / 8;
}

size_t AlignedBytes(const Uploader::Cast& cast) {
  return (SourceBytes(cast) + kCastAlignmentBytes - 1) / kCastAlignmentBytes *
         kCastAlignmentBytes;
}

absl::Status CheckCasts(absl::Span<const Uploader::Cast> casts,
                        size_t slot_bytes, size_t cast_bytes) {
  size_t left = cast_bytes;
  for (const Uploader::Cast& cast : casts) {
    if (cast.count == 0) {
      continue;
    }
    HOIST_RETURN_IF_ERROR(CheckCast(cast.from, cast.to));
    if (cast.offset_bytes > slot_bytes || cast.count > slot_bytes ||
        SourceBytes(cast) > slot_bytes - cast.offset_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("A cast of ", cast.count, " elements at ",
                       cast.offset_bytes, " exceeds the slot's ", slot_bytes));
    }
    if (AlignedBytes(cast) > left) {
      return absl::InvalidArgumentError(
          absl::StrCat("Casts are of more than ", cast_bytes, " bytes"));
    }
    left -= AlignedBytes(cast);
    if (cast.device_destination == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "A cast of ", cast.count, " elements has no destination"));
    }
  }
  return absl::OkStatus();
}

// Memory for casts on the stream's device, `cast_bytes` for each of `count`
// slots; none where this build has no code for that device.
absl::StatusOr<DeviceBuffer> MakeCastMemory(const Stream& stream, size_t count,
                                            size_t cast_bytes) {
  if (cast_bytes == 0) {
    return DeviceBuffer();
  }
  cast_bytes = (cast_bytes + kCastAlignmentBytes - 1) / kCastAlignmentBytes *
               kCastAlignmentBytes;
  HOIST_ASSIGN_OR_RETURN(
      DeviceBuffer memory,
      DeviceBuffer::Allocate(stream.device(), count * cast_bytes));
  // What is there does not matter.
  const absl::Status tried = CastOnDevice(
      stream.device(), DType::kFloat16, memory.data(), DType::kFloat32,
      static_cast<uint8_t*>(memory.data()) + kCastAlignmentBytes / 2,
      /*count=*/1, stream.get());
  if (absl::IsUnavailable(tried)) {
    return DeviceBuffer();
  }
  ScopedDevice scope(stream.device());
  HOIST_RETURN_IF_ERROR(scope.status());
  const absl::Status ended =
      ToStatus(cudaStreamSynchronize(stream.get()),
               absl::StrCat("Trying a cast on cuda:", stream.device()));
  if (!ended.ok()) {
    // An error does not say that it has ended; ask again, wider.
    cudaDeviceSynchronize();
    cudaGetLastError();
  }
  HOIST_RETURN_IF_ERROR(tried);
  HOIST_RETURN_IF_ERROR(ended);
  return memory;
}

}  // namespace

// No CUDA call is made under a mutex, this one's or the pool's: an event wait
// there would keep Submit() from feeding the device.
class Uploader::Impl {
 public:
  // `cast_memory`: an equal part for each event; empty where nothing is cast.
  Impl(int device, PinnedPool& pool, std::unique_ptr<const Stream> stream,
       std::vector<Event> events, DeviceBuffer cast_memory,
       std::optional<StreamTrace> trace)
      : device_(device),
        cast_memory_(std::move(cast_memory)),
        stream_(std::move(stream)),
        events_(std::move(events)),
        trace_(std::move(trace)),
        traced_bytes_(events_.size()),
        borrower_(pool, device, static_cast<int>(events_.size())) {
    for (size_t i = 0; i < events_.size(); ++i) {
      idle_.push_back(i);
    }
  }

  PinnedPool::Borrower& borrower() { return borrower_; }
  size_t cast_memory_bytes() const { return cast_memory_.size_bytes(); }
  // For each Submit().
  size_t cast_bytes() const {
    return cast_memory_.size_bytes() / events_.size();
  }
  absl::Status Submit(Slot slot, absl::Span<const Copy> copies,
                      absl::Span<const Cast> casts) ABSL_LOCKS_EXCLUDED(mu_);
  uint64_t uploaded_bytes() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return uploaded_bytes_;
  }

 private:
  // Each has an event, which marks the end of what Submit() has started, and
  // until then a part of cast_memory_.
  using Ticket = size_t;

  absl::Status Start(const uint8_t* slot, absl::Span<const Copy> copies,
                     absl::Span<const Cast> casts, Ticket ticket);
  absl::Status StartCopy(void* destination, const uint8_t* source,
                         size_t size_bytes);
  // Afterwards what it marks is over, in whichever way.
  void WaitFor(Ticket ticket) ABSL_LOCKS_EXCLUDED(mu_);
  // Whether waiting would not block: it is over, or has failed.
  bool IsOver(Ticket ticket) const;
  void WaitForAllCopies();
  absl::Status Synchronize(Ticket ticket);

  const int device_;
  const DeviceBuffer cast_memory_;
  const std::unique_ptr<const Stream> stream_;  // where the trace finds it
  const std::vector<Event> events_;  // one for each slot that can be held
  const std::optional<StreamTrace> trace_;
  std::vector<uint64_t> traced_bytes_;  // by ticket, of whoever has that

  Mutex mu_;
  std::vector<Ticket> idle_ ABSL_GUARDED_BY(mu_);
  uint64_t uploaded_bytes_ ABSL_GUARDED_BY(mu_) = 0;

  // Goes first: it waits for the copies. Its status is the sticky error.
  PinnedPool::Borrower borrower_;
};

absl::Status Uploader::Impl::Submit(Slot slot, absl::Span<const Copy> copies,
                                    absl::Span<const Cast> casts) {
  uint64_t size_bytes = 0;
  for (const Copy& copy : copies) {
    size_bytes += copy.size_bytes;
  }
  for (const Cast& cast : casts) {
    size_bytes += SourceBytes(cast);
  }
  HOIST_RETURN_IF_ERROR(borrower_.status());
  if (size_bytes == 0) {
    return absl::OkStatus();
  }
  Ticket ticket = 0;
  {
    MutexLock lock(&mu_);
    HOIST_CHECK(!idle_.empty());
    ticket = idle_.back();
    idle_.pop_back();
  }
  traced_bytes_[ticket] = size_bytes;
  const absl::Status started =
      Start(slot.bytes().data(), copies, casts, ticket);
  if (!started.ok()) {
    // Copies may be under way, and no event says when they end.
    const absl::Status first = borrower_.Close(started);
    WaitForAllCopies();
    MutexLock lock(&mu_);
    idle_.push_back(ticket);
    return first;
  }
  borrower_.ReturnAfter(
      std::move(slot), [this, ticket] { WaitFor(ticket); },
      [this, ticket] { return IsOver(ticket); });
  MutexLock lock(&mu_);
  uploaded_bytes_ += size_bytes;
  return absl::OkStatus();
}

absl::Status Uploader::Impl::Start(const uint8_t* slot,
                                   absl::Span<const Copy> copies,
                                   absl::Span<const Cast> casts,
                                   Ticket ticket) {
  NvtxRange range("Start copies");
  ScopedDevice scope(device_);
  HOIST_RETURN_IF_ERROR(scope.status());
  if (trace_) {
    HOIST_RETURN_IF_ERROR(trace_->Begin(ticket));
  }
  for (const Copy& copy : copies) {
    HOIST_RETURN_IF_ERROR(StartCopy(copy.device_destination,
                                    slot + copy.offset_bytes, copy.size_bytes));
  }
  size_t at = ticket * cast_bytes();
  for (const Cast& cast : casts) {
    uint8_t* const source = static_cast<uint8_t*>(cast_memory_.data()) + at;
    HOIST_RETURN_IF_ERROR(
        StartCopy(source, slot + cast.offset_bytes, SourceBytes(cast)));
    HOIST_RETURN_IF_ERROR(CastOnDevice(device_, cast.from, source, cast.to,
                                       cast.device_destination, cast.count,
                                       stream_->get()));
    at += AlignedBytes(cast);
  }
  if (trace_) {
    HOIST_RETURN_IF_ERROR(trace_->End(ticket));
  }
  return ToStatus(cudaEventRecord(events_[ticket].get(), stream_->get()),
                  absl::StrCat("Marking the end of a copy to cuda:", device_));
}

absl::Status Uploader::Impl::StartCopy(void* destination, const uint8_t* source,
                                       size_t size_bytes) {
  if (size_bytes == 0) {
    return absl::OkStatus();
  }
  return ToStatus(
      cudaMemcpyAsync(destination, source, size_bytes, cudaMemcpyHostToDevice,
                      stream_->get()),
      absl::StrCat("Copying ", size_bytes, " bytes to cuda:", device_));
}

void Uploader::Impl::WaitFor(Ticket ticket) {
  if (const absl::Status waited = Synchronize(ticket); !waited.ok()) {
    borrower_.Close(waited).IgnoreError();
    WaitForAllCopies();
  } else if (trace_) {
    const ScopedDevice scope(device_);
    trace_->Add(ticket, traced_bytes_[ticket]);
  }
  MutexLock lock(&mu_);
  idle_.push_back(ticket);
}

bool Uploader::Impl::IsOver(Ticket ticket) const {
  ScopedDevice scope(device_);
  if (!scope.status().ok()) {
    return true;
  }
  const cudaError_t error = cudaEventQuery(events_[ticket].get());
  if (error != cudaSuccess) {
    cudaGetLastError();
  }
  return error != cudaErrorNotReady;
}

absl::Status Uploader::Impl::Synchronize(Ticket ticket) {
  NvtxRange range("Wait for copies");
  ScopedDevice scope(device_);
  HOIST_RETURN_IF_ERROR(scope.status());
  return ToStatus(cudaEventSynchronize(events_[ticket].get()),
                  absl::StrCat("A copy to cuda:", device_));
}

void Uploader::Impl::WaitForAllCopies() {
  // Waits even if the device could not be selected: the stream knows its own.
  ScopedDevice scope(device_);
  if (cudaStreamSynchronize(stream_->get()) != cudaSuccess) {
    // An error does not say that the copies have ended; ask again, wider.
    cudaDeviceSynchronize();
    cudaGetLastError();
  }
}

Uploader::Uploader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Uploader::~Uploader() = default;

absl::StatusOr<std::unique_ptr<Uploader>> Uploader::Create(
    int device, PinnedPool& pool, int max_slots, const Options& options) {
  if (max_slots < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "An upload through ", max_slots, " slots is not possible"));
  }
  // No more can be held, and each has an event.
  max_slots = static_cast<int>(
      std::min<size_t>(max_slots, pool.max_bytes() / pool.slot_bytes()));
  HOIST_ASSIGN_OR_RETURN(Stream made, Stream::Create(device));
  auto stream = std::make_unique<const Stream>(std::move(made));
  std::vector<Event> events;
  for (int i = 0; i < max_slots; ++i) {
    HOIST_ASSIGN_OR_RETURN(Event event, Event::Create(device));
    events.push_back(std::move(event));
  }
  HOIST_ASSIGN_OR_RETURN(
      DeviceBuffer cast_memory,
      MakeCastMemory(*stream, events.size(), options.cast_bytes));
  std::optional<StreamTrace> trace;
  if (options.trace != nullptr) {
    HOIST_ASSIGN_OR_RETURN(
        StreamTrace made_trace,
        StreamTrace::Create(*stream, events.size(), *options.trace));
    trace.emplace(std::move(made_trace));
  }
  return std::unique_ptr<Uploader>(new Uploader(
      std::make_unique<Impl>(device, pool, std::move(stream), std::move(events),
                             std::move(cast_memory), std::move(trace))));
}

absl::StatusOr<Uploader::Slot> Uploader::Acquire() {
  NvtxRange range("Acquire a slot");
  return impl_->borrower().Acquire();
}

absl::StatusOr<std::optional<Uploader::Slot>> Uploader::TryAcquire() {
  return impl_->borrower().TryAcquire();
}

bool Uploader::can_cast() const { return impl_->cast_memory_bytes() > 0; }

size_t Uploader::cast_memory_bytes() const {
  return impl_->cast_memory_bytes();
}

absl::Status Uploader::Submit(Slot slot, absl::Span<const Copy> copies,
                              absl::Span<const Cast> casts) {
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
  HOIST_RETURN_IF_ERROR(CheckCasts(casts, slot_bytes, impl_->cast_bytes()));
  return impl_->Submit(std::move(slot), copies, casts);
}

absl::Status Uploader::Finish() {
  NvtxRange range("Finish an upload");
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
