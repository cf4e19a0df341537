#ifndef HOIST_CHECKPOINT_MIGRATE_CONSTANT_TENSOR_H_
#define HOIST_CHECKPOINT_MIGRATE_CONSTANT_TENSOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/migrate/json_tree.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// A tensor all of whose elements are the same, as a file of rules has it.
struct ConstantTensor {
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> element;  // its bytes, little-endian
};

// The bytes of the number that `value` is: of bool true or false, of integers
// an integer in their range, of floats a number (the nearest one they have) or
// "nan", "inf" or "-inf" where they have that. kInvalidArgument, with its
// position, for others, and for dtypes that are none of these. Thread-safe.
absl::StatusOr<std::vector<uint8_t>> ConstantElement(DType dtype,
                                                     const JsonTree& value);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_CONSTANT_TENSOR_H_
