#ifndef HOIST_CHECKPOINT_LOAD_CHUNK_DESTINATION_H_
#define HOIST_CHECKPOINT_LOAD_CHUNK_DESTINATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/core/tensor/buffer.h"

namespace hoist {

// Memory of one device that the chunks of a plan are put into. It goes with the
// destination, except for what buffers() are still held of. Thread-safe.
class ChunkDestination {
 public:
  // Host memory for the bytes of one chunk, which are filled in by one thread.
  // It goes back unused with the object.
  class Lease {
   public:
    virtual ~Lease() = default;
    // Where the bytes of `piece`, one of the chunk's, are to be: after any
    // cast, or before it if the destination casts().
    virtual uint8_t* address(const LoadPlan::Piece& piece) const = 0;
  };

  virtual ~ChunkDestination() = default;

  // Whether Submit() makes the casts of the chunk, which then are not to be
  // made before.
  virtual bool casts(const LoadPlan::Chunk&) const { return false; }

  // Memory for `chunk`. Where there is none now it blocks until there is, if it
  // `may_block`, and returns null otherwise.
  virtual absl::StatusOr<std::unique_ptr<Lease>> Acquire(
      const LoadPlan::Chunk& chunk, bool may_block) = 0;

  // Puts on the device what is in `lease`, which Acquire() returned. May do so
  // later.
  virtual absl::Status Submit(std::unique_ptr<Lease> lease) = 0;

  // Blocks until all that was submitted is on the device.
  virtual absl::Status Finish() = 0;

  // The memory of LoadPlan::storages[i], whole after Finish(); null where the
  // destination keeps none.
  virtual std::shared_ptr<Buffer> buffer(int i) const = 0;

  // What it takes, in bytes.
  virtual uint64_t pinned_bytes() const = 0;
  virtual uint64_t device_bytes() const = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_CHUNK_DESTINATION_H_
