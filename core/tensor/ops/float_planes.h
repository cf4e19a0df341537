#ifndef HOIST_CORE_TENSOR_OPS_FLOAT_PLANES_H_
#define HOIST_CORE_TENSOR_OPS_FLOAT_PLANES_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// Splits floats into byte planes, and joins them again. Each float is rotated
// left by one bit first, which brings its sign behind its mantissa: the highest
// byte of a bfloat16 or float32 is then the whole exponent, which compresses
// well, and nothing else, which does not. Plane k has byte k of each rotated
// float, the lowest first.
//
// Widths are 2, 4 or 8 bytes, so many planes there are, of as many bytes as
// there are floats; all else ends the program. None need be aligned, and they
// do not overlap. With one thread; thread-safe.

void SplitFloatPlanes(absl::Span<const uint8_t> floats,
                      absl::Span<uint8_t* const> planes);

void JoinFloatPlanes(absl::Span<const uint8_t* const> planes,
                     absl::Span<uint8_t> floats);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_FLOAT_PLANES_H_
