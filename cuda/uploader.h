#ifndef HOIST_CUDA_UPLOADER_H_
#define HOIST_CUDA_UPLOADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace hoist {

// Copies host bytes to one CUDA device through a ring of pinned slots: the
// only way in which Hoist uploads.
//
//   HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader->Acquire());
//   ... fill slot.bytes() ...
//   HOIST_RETURN_IF_ERROR(uploader->Submit(std::move(slot), size, device_ptr));
//   ... and at the end
//   HOIST_RETURN_IF_ERROR(uploader->Finish());
//
// A slot is handed out again only after its copy has completed. The first error
// of a copy is sticky: every later call returns it.
//
// Destinations must stay allocated until Finish() has returned, ok or not, or
// the Uploader is gone; both wait for the copies under way. Make one Uploader
// and keep it: to pin its memory is slow. Thread-safe, and each thread may have
// any current device; but Slots must be gone before their Uploader.
class Uploader {
 public:
  static constexpr size_t kMaxPinnedBytes = size_t{512} << 20;

  struct Options {
    // Size of one slot, and so of the largest copy, in bytes. At least 1; a
    // multiple of 4096 aligns every slot to pages, as O_DIRECT reads want it.
    size_t slot_bytes = size_t{16} << 20;
    // At least 1; two or more let filling overlap copying. All slots together
    // take at most kMaxPinnedBytes.
    int slot_count = 4;
  };

  // A lease of one slot; moved-from or submitted it is empty. The destructor
  // gives an unused slot back. One thread at a time.
  class Slot {
   public:
    Slot(Slot&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          index_(other.index_),
          bytes_(std::exchange(other.bytes_, {})) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(index_, other.index_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Slot();

    // slot_bytes of pinned memory, holding what the slot held before.
    absl::Span<uint8_t> bytes() const { return bytes_; }

   private:
    friend class Uploader;
    Slot(Uploader* owner, int index, absl::Span<uint8_t> bytes)
        : owner_(owner), index_(index), bytes_(bytes) {}

    Uploader* owner_;
    int index_;
    absl::Span<uint8_t> bytes_;
  };

  // Pins slot_bytes * slot_count bytes; blocks for that. Options out of range
  // and a device that is not there are kInvalidArgument, too little memory is
  // kResourceExhausted, no CUDA is kUnavailable.
  static absl::StatusOr<std::unique_ptr<Uploader>> Create(
      int device, const Options& options);
  // Waits for the copies under way, and then unpins.
  ~Uploader();
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  // Returns a free slot; blocks until there is one. Returns the error of an
  // earlier copy, or kCancelled after Cancel().
  absl::StatusOr<Slot> Acquire();

  // Starts to copy the first `size_bytes` of `slot` to device memory at
  // `device_destination`; does not wait for it. Size 0 copies nothing. A slot
  // of another Uploader or an empty one, more bytes than a slot has, or a null
  // destination is kInvalidArgument; these are not sticky. Otherwise the error
  // of this or an earlier copy, or kCancelled. Takes the slot in every case.
  absl::Status Submit(Slot slot, size_t size_bytes, void* device_destination);

  // Blocks until every copy submitted before is in device memory, and returns
  // the error of any, or kCancelled after Cancel(). May be called repeatedly.
  absl::Status Finish();

  // Makes all other calls return kCancelled from now on (unless an error came
  // first), and wakes Acquire(); one that is waiting for a copy returns when
  // that copy ends. Does not block.
  void Cancel();

  size_t pinned_bytes() const;
  // Bytes of all successful Submit()s so far.
  uint64_t uploaded_bytes() const;

 private:
  class Ring;
  explicit Uploader(std::unique_ptr<Ring> ring);

  const std::unique_ptr<Ring> ring_;
};

}  // namespace hoist

#endif  // HOIST_CUDA_UPLOADER_H_
