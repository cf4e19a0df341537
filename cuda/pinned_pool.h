#ifndef HOIST_CUDA_PINNED_POOL_H_
#define HOIST_CUDA_PINNED_POOL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/thread/mutex.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/cuda/pinned_buffer.h"

namespace hoist {

// The page-locked memory of a process: slots of one size, shared by all loads
// and all devices. To pin memory is slow, so a program makes one pool and keeps
// it. It pins nothing at first, then what the uploads of a moment can use, in a
// few regions of growing size, and keeps that until it goes. Each region is
// near the device for which it was pinned.
//
// Where more memory cannot be pinned, the pool goes on with what it has, if it
// has any, and note() says so. Thread-safe.
class PinnedPool {
 public:
  static constexpr size_t kMaxBytes = size_t{512} << 20;
  static constexpr size_t kSlotAlignmentBytes = 4096;

  struct Options {
    // Size of a slot; a multiple of kSlotAlignmentBytes, and at least that.
    size_t slot_bytes = size_t{4} << 20;
    // What all slots take together at most: at least slot_bytes, at most
    // kMaxBytes.
    size_t max_bytes = size_t{256} << 20;
  };

  class Borrower;

  // A lease of one slot; moved-from it is empty. The destructor gives the slot
  // back at once, so nothing may copy from it then. One thread at a time.
  class Slot {
   public:
    Slot(Slot&& other) noexcept
        : borrower_(std::exchange(other.borrower_, nullptr)),
          bytes_(std::exchange(other.bytes_, {})) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(borrower_, other.borrower_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Slot();

    // slot_bytes of pinned memory, aligned to kSlotAlignmentBytes, holding what
    // the slot held before.
    absl::Span<uint8_t> bytes() const { return bytes_; }

   private:
    friend class Borrower;
    Slot(Borrower* borrower, absl::Span<uint8_t> bytes)
        : borrower_(borrower), bytes_(bytes) {}

    Borrower* borrower_;
    absl::Span<uint8_t> bytes_;
  };

  // Pins nothing yet. Fresh memory is touched by `threads`, which has to
  // outlive the pool, and by the thread that needs it; by that alone if null.
  // Options out of range are kInvalidArgument. Works without CUDA, where only
  // to acquire a slot fails.
  static absl::StatusOr<std::unique_ptr<PinnedPool>> Create(
      const Options& options, ThreadPool* threads);
  // Unpins; blocks for that. All borrowers are gone.
  ~PinnedPool();
  PinnedPool(const PinnedPool&) = delete;
  PinnedPool& operator=(const PinnedPool&) = delete;

  size_t slot_bytes() const { return options_.slot_bytes; }
  size_t max_bytes() const { return options_.max_bytes; }
  // Bytes of all slots that there are by now.
  size_t pinned_bytes() const ABSL_LOCKS_EXCLUDED(mu_);
  // Why there will be no more of them, if it is not max_bytes; else empty.
  std::string note() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  PinnedPool(const Options& options, ThreadPool* threads)
      : options_(options), threads_(threads) {}

  bool CanGrow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Pins a region; without mu_ meanwhile. An error only if there is no slot.
  absl::Status Grow(int device) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void TakeBack(uint8_t* slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  ThreadPool* const threads_;  // may be null
  mutable Mutex mu_;
  CondVar changed_;
  std::vector<Borrower*> borrowers_ ABSL_GUARDED_BY(mu_);
  size_t usable_slots_ ABSL_GUARDED_BY(mu_) = 0;  // all borrowers' max_slots
  std::vector<PinnedBuffer> regions_ ABSL_GUARDED_BY(mu_);
  size_t slot_count_ ABSL_GUARDED_BY(mu_) = 0;  // in all regions
  std::vector<uint8_t*> free_ ABSL_GUARDED_BY(mu_);
  bool growing_ ABSL_GUARDED_BY(mu_) = false;
  std::string note_ ABSL_GUARDED_BY(mu_);
};

// The part of one upload in a pool. Internal to cuda/. Thread-safe.
class PinnedPool::Borrower {
 public:
  // Takes at most `max_slots` slots at a time, at least 1, near `device` where
  // more have to be pinned for it. `pool` has to outlive it.
  Borrower(PinnedPool& pool, int device, int max_slots);
  // As Drain(). Its leases are gone.
  ~Borrower();
  Borrower(const Borrower&) = delete;
  Borrower& operator=(const Borrower&) = delete;

  // Returns a free slot; blocks until there is one, and on the way pins memory
  // or waits for a copy, be it another borrower's. Returns the error of pinning
  // if the pool has no slots at all, as PinnedBuffer::Allocate(), or that of
  // Close().
  absl::StatusOr<Slot> Acquire();

  // The same without waiting for any copy: nullopt if no slot is free, nor used
  // by a copy of this borrower's that is over. May pin memory.
  absl::StatusOr<std::optional<Slot>> TryAcquire();

  // Takes the slot back once `wait` has returned, which is called once, and
  // does not block if `is_over` has returned true. Whoever needs a slot calls
  // them, without a lock, the oldest first and one at a time.
  void ReturnAfter(
      Slot slot, std::function<void()> wait,
      std::function<bool()> is_over = [] { return false; });
  bool Owns(const Slot& slot) const { return slot.borrower_ == this; }

  // Blocks until all slots that were given to ReturnAfter() before are back.
  void Drain();

  // Makes Acquire() return `error` from now on and wakes it, but for the time
  // that it waits for a copy or pins memory. Returns the first of all `error`s.
  absl::Status Close(const absl::Status& error);
  // That error, or ok.
  absl::Status status() const;

 private:
  friend class Slot;
  struct Returning {
    uint8_t* data;
    std::function<void()> wait;
    std::function<bool()> is_over;
  };

  // Whose oldest copy to wait for; null if others already wait for all that
  // can be waited for.
  Borrower* WhoseCopy(bool of_others) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool_.mu_);
  // A slot that is free, or an empty lease.
  Slot TakeFree() ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool_.mu_);
  // Takes back the oldest if its copy is over; without the mutex meanwhile.
  bool TakeBackIfOver() ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool_.mu_);
  // Waits for the oldest copy of `whose`, without the mutex meanwhile.
  void TakeBackOldest(Borrower& whose) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool_.mu_);

  PinnedPool& pool_;
  const int device_;
  const size_t max_slots_;

  // Guarded by the pool's mutex.
  absl::Status error_;
  size_t held_ = 0;                  // leased or returning
  std::deque<Returning> returning_;  // oldest first
  bool waiting_ = false;             // for one that was in returning_
  uint64_t put_ = 0;                 // into returning_ ever
  uint64_t back_ = 0;                // of them
};

}  // namespace hoist

#endif  // HOIST_CUDA_PINNED_POOL_H_
