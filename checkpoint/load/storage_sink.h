#ifndef HOIST_CHECKPOINT_LOAD_STORAGE_SINK_H_
#define HOIST_CHECKPOINT_LOAD_STORAGE_SINK_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/chunk_plan.h"
#include "hoist/core/tensor/buffer.h"

namespace hoist {

// Memory of one device that storages are put into. Its memory goes with it,
// except for the buffers that were asked for.
class StorageSink {
 public:
  virtual ~StorageSink() = default;

  // The largest chunk that Place() takes.
  virtual uint64_t max_chunk_bytes() const = 0;

  // Calls `fill` with host memory for the chunk's bytes, and puts on the device
  // what it has written there, unless it returns an error; then returns that.
  // May block until there is memory. Thread-safe.
  virtual absl::Status Place(
      const Chunk& chunk,
      absl::FunctionRef<absl::Status(absl::Span<uint8_t> bytes)> fill) = 0;

  // Blocks until all that was placed is on the device.
  virtual absl::Status Finish() = 0;

  // The memory of a storage, whole after Finish().
  virtual std::shared_ptr<Buffer> buffer(int storage) const = 0;

  virtual uint64_t host_bytes() const = 0;
  virtual uint64_t pinned_bytes() const = 0;
  virtual uint64_t device_bytes() const = 0;
};

// Host memory, one buffer for each of `storages`. kResourceExhausted where
// there is too little.
absl::StatusOr<std::unique_ptr<StorageSink>> MakeHostSink(
    const Catalog& catalog, absl::Span<const int> storages);

// Memory of the CUDA device `device`, one allocation for all of `storages`;
// chunks go there through an Uploader's pinned slots, of which there are enough
// for `thread_count` threads to work. Errors of DeviceBuffer and Uploader.
absl::StatusOr<std::unique_ptr<StorageSink>> MakeCudaSink(
    const Catalog& catalog, absl::Span<const int> storages, int device,
    int thread_count);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_STORAGE_SINK_H_
