#ifndef HOIST_CUDA_UPLOADER_H_
#define HOIST_CUDA_UPLOADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/trace/trace_recorder.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

// Copies host bytes to one CUDA device through the slots of a PinnedPool: the
// only way in which Hoist uploads.
//
//   HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader->Acquire());
//   ... fill slot.bytes() ...
//   HOIST_RETURN_IF_ERROR(
//       uploader->Submit(std::move(slot), {{0, size_bytes, device_ptr}}));
//   ... and at the end
//   HOIST_RETURN_IF_ERROR(uploader->Finish());
//
// A slot is handed out again, to anyone, only after its copies have completed.
// The first error of a copy is sticky: every later call returns it.
//
// Destinations must stay allocated until Finish() has returned, ok or not, or
// the Uploader is gone; both wait for the copies under way. Make one for each
// load and device: that is cheap, as the pool keeps its memory. Thread-safe,
// and each thread may have any current device; but Slots must be gone before
// their Uploader. A thread that has a Slot and calls Acquire() may wait for
// ever; TryAcquire() is for that.
class Uploader {
 public:
  using Slot = PinnedPool::Slot;

  // From a slot to the device.
  struct Copy {
    size_t offset_bytes = 0;  // in the slot
    size_t size_bytes = 0;    // 0: nothing is copied
    void* device_destination = nullptr;
  };

  // Numbers in a slot that the device makes others of on their way: they are
  // copied to memory that goes with the slot until its copies have completed,
  // and cast from there, as by CastOnDevice().
  struct Cast {
    size_t offset_bytes = 0;  // in the slot
    size_t count = 0;         // elements; 0: nothing is cast
    DType from = DType::kFloat32;
    DType to = DType::kFloat32;
    void* device_destination = nullptr;  // aligned to its elements
  };

  struct Options {
    // For each slot so many bytes of the device's memory are taken, for casts,
    // whose sources may have so many in each Submit(). 0: there are none.
    size_t cast_bytes = 0;
    // When the device copied what, as it has timed that, is recorded here.
    // Null: nowhere. Not owned.
    TraceRecorder* trace = nullptr;
  };

  // `pool` has to outlive the Uploader, which takes at most `max_slots` of its
  // slots at a time; two or more let filling overlap copying, and more than a
  // load has chunks would only be pinned in vain. Fewer than 1 and a device
  // that is not there are kInvalidArgument, no CUDA is kUnavailable, too little
  // memory for casts is kResourceExhausted.
  static absl::StatusOr<std::unique_ptr<Uploader>> Create(
      int device, PinnedPool& pool, int max_slots, const Options& options);
  static absl::StatusOr<std::unique_ptr<Uploader>> Create(int device,
                                                          PinnedPool& pool,
                                                          int max_slots) {
    return Create(device, pool, max_slots, Options());
  }
  // Waits for the copies under way.
  ~Uploader();
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  // Returns a free slot; blocks until there is one. If none could be pinned at
  // all, that is an error as of PinnedBuffer::Allocate(). Else the error of an
  // earlier copy, or kCancelled after Cancel().
  absl::StatusOr<Slot> Acquire();

  // The same without waiting for a copy: nullopt if that were needed. So a
  // thread may ask for a slot while it has others.
  absl::StatusOr<std::optional<Slot>> TryAcquire();

  // Whether there may be casts: memory for them is there, and this build has
  // code for the device, which Create() has tried.
  bool can_cast() const;
  // Device memory taken for casts.
  size_t cast_memory_bytes() const;

  // Starts `copies` and then `casts`, all from `slot`; does not wait for them.
  // A slot of another Uploader or an empty one, a copy or a cast of what is not
  // in the slot, a null destination, casts of more than Create()'s
  // `cast_bytes`, each rounded up to 256, or where !can_cast() are
  // kInvalidArgument; these are not sticky, and copy nothing. Otherwise the
  // error of this or an earlier copy or cast, or kCancelled. Takes the slot in
  // every case.
  absl::Status Submit(Slot slot, absl::Span<const Copy> copies,
                      absl::Span<const Cast> casts = {});

  // Blocks until every copy submitted before is in device memory, and returns
  // the error of any, or kCancelled after Cancel(). May be called repeatedly.
  absl::Status Finish();

  // Makes all other calls return kCancelled from now on (unless an error came
  // first), and wakes Acquire(); one that is waiting for a copy, or pins
  // memory, returns when that ends. Does not block.
  void Cancel();

  // Bytes of all successful Submit()s so far, before casts.
  uint64_t uploaded_bytes() const;

 private:
  class Impl;
  explicit Uploader(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace hoist

#endif  // HOIST_CUDA_UPLOADER_H_
