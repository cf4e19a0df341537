#ifndef HOIST_CORE_TENSOR_OPS_BYTE_PLANES_H_
#define HOIST_CORE_TENSOR_OPS_BYTE_PLANES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// kInvalidArgument for a width other than 2, 4 and 8. Thread-safe.
absl::Status CheckBytePlaneWidth(int element_bytes);

// Joins byte planes, into which elements are split because they compress better
// so: `planes` holds the lowest bytes of all elements, then the next lowest of
// all, and so on, as many planes as `element_bytes` (2, 4 or 8). `elements`
// receives the elements, little-endian.
//
// With one thread; neither need be aligned, and they do not overlap. Errors as
// CheckBytePlaneWidth(); bytes that are no whole number of elements and spans
// of different size are kInvalidArgument. Thread-safe.
absl::Status JoinBytePlanes(absl::Span<const uint8_t> planes, int element_bytes,
                            absl::Span<uint8_t> elements);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_BYTE_PLANES_H_
