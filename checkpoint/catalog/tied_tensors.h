#ifndef HOIST_CHECKPOINT_CATALOG_TIED_TENSORS_H_
#define HOIST_CHECKPOINT_CATALOG_TIED_TENSORS_H_

#include <cstdint>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// Finds tensors that have all elements in common, as tied weights do. The
// catalog must outlive it. Thread-compatible.
class TiedTensors {
 public:
  explicit TiedTensors(const Catalog& catalog)
      : catalog_(catalog), first_(catalog.storages.size(), -1) {}

  // The index of the tensor that was the first to be added of those that have
  // the elements of this one: its own if it is the first, or has no data.
  int Add(int tensor);

 private:
  using View = std::tuple<int, int64_t, absl::Span<const int64_t>,
                          absl::Span<const int64_t>, DType>;

  static View ViewOf(const TensorEntry& tensor);

  const Catalog& catalog_;
  // By storage: most have one tensor over them.
  std::vector<int> first_;
  // Of those over a storage that look at it otherwise than the first.
  absl::flat_hash_map<View, int> others_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CATALOG_TIED_TENSORS_H_
