#ifndef HOIST_CUDA_DOWNLOAD_H_
#define HOIST_CUDA_DOWNLOAD_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

// Bytes on a device, and where on the host they are to be.
struct DeviceCopy {
  const uint8_t* device_source = nullptr;
  size_t size_bytes = 0;
  uint8_t* destination = nullptr;  // ordinary memory
};

// Copies from one CUDA device to the host through slots of a PinnedPool, at
// most `max_slots` at a time: two or more let a slot be emptied while the next
// is filled. First waits for all work that the device was given before by this
// process, so the bytes are what that has made of them; blocks until all are
// there. After an error the destinations hold anything, and nothing is under
// way. Errors as of Uploader. Thread-safe.
absl::Status Download(int device, absl::Span<const DeviceCopy> copies,
                      PinnedPool& pool, int max_slots);

}  // namespace hoist

#endif  // HOIST_CUDA_DOWNLOAD_H_
