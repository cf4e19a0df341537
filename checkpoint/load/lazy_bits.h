#ifndef HOIST_CHECKPOINT_LOAD_LAZY_BITS_H_
#define HOIST_CHECKPOINT_LOAD_LAZY_BITS_H_

#include "absl/status/statusor.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// A contiguous copy of `tensor`, which is on the CPU, with every element
// conjugated, negated or both: what PyTorch's conj and neg bits stand for.
// kUnimplemented for dtypes that cannot be: conjugation takes a complex one,
// negation a complex one, a floating-point one of 16 bits or more, or uint8 and
// int8 to int64, which wrap around. Thread-safe.
absl::StatusOr<Tensor> ResolveLazyBits(const Tensor& tensor, bool conjugate,
                                       bool negative);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_LAZY_BITS_H_
