#ifndef HOIST_CORE_TENSOR_OPS_CAST_H_
#define HOIST_CORE_TENSOR_OPS_CAST_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What a cast makes of a number is what PyTorch's Tensor.to() makes of it on
// the CPU, and defined where PyTorch leaves it to the machine:
//
//  - To a float: the nearest number, of two equally near the even one. To one
//    of fewer than 32 bits by way of float32. What is too large becomes
//    infinity, or NaN in the formats of 8 bits that have no infinity. NaN
//    stays NaN.
//  - To float8_e8m0fnu: the nearest power of two, and from the middle the
//    larger; without the sign; of 0 the smallest, and of all between the two
//    smallest the larger, as in PyTorch.
//  - From a float to an integer: without the fraction; the nearest number where
//    that is out of range (PyTorch: undefined), and 0 for NaN.
//  - Between integers: the low bits.
//  - To bool: whether it is not 0, as NaN is not. From bool: 0 or 1.
//
// The result is the same on every CPU, and but for the bits of NaN on devices.

// Whether Cast() does it: between bool, integers of 8 to 64 bits, bfloat16,
// float16 to float64 and the floats of 8 bits. Thread-safe, like all here.
bool CanCast(DType from, DType to);

// kUnimplemented unless CanCast().
absl::Status CheckCast(DType from, DType to);

// Casts the elements of `source` one after the other, with one thread. The same
// dtype is copied. Neither span need be aligned; they do not overlap.
// Errors as CheckCast(); kInvalidArgument if `source` is no whole number of
// elements, or `destination` is not for as many.
absl::Status Cast(DType from, absl::Span<const uint8_t> source, DType to,
                  absl::Span<uint8_t> destination);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CAST_H_
