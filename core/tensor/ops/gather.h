#ifndef HOIST_CORE_TENSOR_OPS_GATHER_H_
#define HOIST_CORE_TENSOR_OPS_GATHER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// Copies the elements of a tensor one after the other, row-major. `source`
// starts at its first element, and has at least RequiredStorageBytes(spec, 0);
// `destination` has LogicalBytes(spec).
//
// With one thread; neither need be aligned, and they do not overlap. Errors as
// MakeStridedLayout(); spans of another size are kInvalidArgument. Thread-safe.
absl::Status Gather(const TensorSpec& spec, absl::Span<const uint8_t> source,
                    absl::Span<uint8_t> destination);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_GATHER_H_
