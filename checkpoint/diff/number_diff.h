#ifndef HOIST_CHECKPOINT_DIFF_NUMBER_DIFF_H_
#define HOIST_CHECKPOINT_DIFF_NUMBER_DIFF_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// How far apart two numbers may be, as numpy.allclose() has it:
// |a - b| <= atol + rtol * |b|. Neither is negative or NaN.
struct Tolerance {
  double rtol = 0;
  double atol = 0;
};

// How the numbers of two tensors differ. What is NaN in both is no difference,
// nor are 0 and -0.
struct NumberDiff {
  uint64_t count = 0;      // elements that were compared
  uint64_t differing = 0;  // not the same number
  uint64_t beyond = 0;     // of those, further apart than the tolerance
  uint64_t nan_a = 0;
  uint64_t nan_b = 0;
  // Largest |a - b| of all elements that are NaN in neither, and largest
  // |a - b| / |b| of those where b is not 0.
  double max_abs = 0;
  double max_rel = 0;
  // Indices along each dimension of the first element with the largest
  // |a - b|; empty where nothing differs.
  std::vector<int64_t> max_abs_at;
};

// The same while it is added up, in any order.
struct NumberTotals {
  NumberDiff diff;             // but for max_abs_at
  uint64_t max_abs_index = 0;  // of the element; of several the first
  void Merge(const NumberTotals& other);
};

// Elements of a tensor. What was stored is to be conjugated, or negated, first.
struct NumberRun {
  DType dtype = DType::kFloat32;
  absl::Span<const uint8_t> bytes;
  bool is_conjugate = false;
  bool is_negative = false;
};

// Whether elements of `dtype` are numbers that can be compared: not those of
// several numbers in a byte, of 6 bits, or of plain bits. Thread-safe, like all
// here.
bool HasNumbers(DType dtype);

// Compares as many elements of each, the first of which are element
// `first_index` of their tensors, and adds what it finds to `totals`. Integers
// of equal dtypes are compared exactly; quantized ones as they are stored, and
// complex numbers by the modulus of their difference. kUnimplemented unless
// HasNumbers() of both; kInvalidArgument for spans of other than as many whole
// elements.
absl::Status CompareNumbers(const NumberRun& a, const NumberRun& b,
                            const Tolerance& tolerance, uint64_t first_index,
                            NumberTotals& totals);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_NUMBER_DIFF_H_
