#ifndef HOIST_CORE_TENSOR_OPS_STREAM_COPY_H_
#define HOIST_CORE_TENSOR_OPS_STREAM_COPY_H_

#include <cstddef>
#include <cstdint>

namespace hoist {

// Copies `size_bytes` from memory that is in a near cache to `destination` past
// the caches, as memcpy() does with much memory: a line of which nothing is
// kept need not be read to be written. Both ranges are the caller's and do not
// overlap. What was copied is there for other threads after StreamFence().
// Thread-safe.
void StreamCopy(const uint8_t* source, uint8_t* destination, size_t size_bytes);

// Once after StreamCopy()s, on their thread.
void StreamFence();

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_STREAM_COPY_H_
