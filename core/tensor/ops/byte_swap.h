#ifndef HOIST_CORE_TENSOR_OPS_BYTE_SWAP_H_
#define HOIST_CORE_TENSOR_OPS_BYTE_SWAP_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// kInvalidArgument for a width other than 2, 4 and 8. Thread-safe.
absl::Status CheckByteSwapWidth(int element_bytes);

// Reverses the bytes of each element of `element_bytes` (2, 4 or 8) in place,
// with one thread: for checkpoints written on a machine of the other byte
// order. `bytes` need not be aligned. Errors as CheckByteSwapWidth(); bytes
// that are no whole number of elements are kInvalidArgument. Thread-safe.
absl::Status ByteSwap(absl::Span<uint8_t> bytes, int element_bytes);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_BYTE_SWAP_H_
