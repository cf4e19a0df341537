#ifndef HOIST_CHECKPOINT_PLAN_STORAGE_CAST_H_
#define HOIST_CHECKPOINT_PLAN_STORAGE_CAST_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What the elements of a storage are made while it is loaded.
struct StorageCast {
  DType from = DType::kFloat32;
  DType to = DType::kFloat32;
};

// Whether it is float16, bfloat16, float32 or float64: what casts at load are
// from and to. Thread-safe, like all here.
bool IsCastable(DType dtype);

// How many bytes as many elements take after `cast` as `bytes` hold before it:
// the same without a cast. A part of an element is none.
uint64_t BytesAfterCast(const std::optional<StorageCast>& cast, uint64_t bytes);
// The other way round.
uint64_t BytesBeforeCast(const std::optional<StorageCast>& cast,
                         uint64_t bytes);

struct StorageCasts {
  // Parallel to Catalog::storages; none for what stays as it is.
  std::vector<std::optional<StorageCast>> by_storage;
  // Tensors that would be cast, or have parts that would be, and stay as they
  // are for what else is in their storage; and the name of the first.
  int64_t left_count = 0;
  absl::string_view first_left;
};

// What is to be cast so that the tensors of `catalog`, which ValidateCatalog()
// accepts and which must outlive the result, have the castable dtype `to`
// where their own is castable. A storage is cast if its tensors all have one
// such dtype, and it is a whole number of elements; tensors of complex dtypes
// stay as they are.
StorageCasts ChooseCasts(const Catalog& catalog, DType to);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PLAN_STORAGE_CAST_H_
