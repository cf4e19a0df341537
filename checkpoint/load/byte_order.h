#ifndef HOIST_CHECKPOINT_LOAD_BYTE_ORDER_H_
#define HOIST_CHECKPOINT_LOAD_BYTE_ORDER_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// Reverses the bytes of each `width_bytes` (1, 2, 4 or 8) of `bytes`, which are
// a whole number of them. Thread-safe.
void ReverseByteOrder(absl::Span<uint8_t> bytes, int width_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_BYTE_ORDER_H_
