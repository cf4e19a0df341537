#ifndef HOIST_CHECKPOINT_LOAD_STORAGE_SINK_H_
#define HOIST_CHECKPOINT_LOAD_STORAGE_SINK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// Takes the bytes of storages, piece by piece and in any order, as a load
// brings them. Called by any thread of the load: thread-safe.
class StorageSink {
 public:
  virtual ~StorageSink() = default;

  // Memory of the sink's own, for the bytes of storage `storage` of the
  // catalog from `offset_bytes` on, that they can be read straight into; null
  // for those that are to be read elsewhere first. Called once for each piece,
  // before it is read: what is there is undefined from then on, and if the load
  // fails, for good.
  virtual uint8_t* PlaceFor(int storage, uint64_t offset_bytes,
                            uint64_t size_bytes) = 0;

  // Those bytes, whole elements, decompressed and in this machine's byte order:
  // in the memory that PlaceFor() gave, or in some that goes when this returns.
  // What they are part of is compared with its checksum only when all of it was
  // taken. An error ends the load.
  virtual absl::Status Take(int storage, uint64_t offset_bytes,
                            absl::Span<const uint8_t> bytes) = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_STORAGE_SINK_H_
