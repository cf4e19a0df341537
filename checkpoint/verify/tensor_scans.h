#ifndef HOIST_CHECKPOINT_VERIFY_TENSOR_SCANS_H_
#define HOIST_CHECKPOINT_VERIFY_TENSOR_SCANS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/ops/scan_element.h"
#include "hoist/core/tensor/tensor.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// What was found out about the numbers of a tensor.
struct TensorValues {
  // Of numbers: a complex element is two of them, and bytes of dtypes that are
  // packed count as one each.
  uint64_t count = 0;
  uint64_t nan_count = 0;
  uint64_t infinity_count = 0;
  bool is_zero = false;      // all are, and there are some
  bool is_constant = false;  // all are the same, and there are two or more
  // The indices of an element that is NaN or infinite: of the first of them as
  // they lie in memory.
  std::vector<int64_t> first_bad;

  bool is_finite() const { return nan_count == 0 && infinity_count == 0; }
};

// Looks at the numbers of tensors while the bytes of their storages come by,
// piece by piece in any order. Thread-safe.
class TensorScans {
 public:
  // `catalog`, which ValidateCatalog() accepts, must outlive it.
  explicit TensorScans(const Catalog& catalog);

  // Takes bytes of a storage as the file has them, from `offset_bytes` on, a
  // multiple of 16 unless they end the storage.
  void Add(int storage, uint64_t offset_bytes, absl::Span<const uint8_t> bytes)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Looks at a tensor as a whole; it is on the CPU.
  void AddWhole(int tensor, const Tensor& whole) ABSL_LOCKS_EXCLUDED(mu_);

  // Indices of tensors that do not lie in their storage without gaps or
  // repeats, for which Add() does nothing.
  const std::vector<int>& scattered() const { return scattered_; }

  // Of each tensor of the catalog, once all is added; nullopt for a tensor
  // without data, and for one that was not looked at.
  std::vector<std::optional<TensorValues>> Finish() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Numbers that one or several tensors have, which are aliases.
  struct Group {
    DType dtype = DType::kUint8;  // of the numbers
    uint64_t begin_bytes = 0;     // in the storage
    uint64_t end_bytes = 0;
    uint64_t count = 0;  // numbers that were looked at
    ScanTotals totals;
    std::optional<uint64_t> first_bad;  // its byte, from begin_bytes on
  };

  void AddTo(int group, uint64_t offset_in_group,
             absl::Span<const uint8_t> bytes) ABSL_LOCKS_EXCLUDED(mu_);
  TensorValues ValuesOf(int tensor, const Group& group) const;

  const Catalog& catalog_;
  std::vector<int> group_of_;  // by tensor; -1: none
  std::vector<int> scattered_;
  std::vector<std::vector<int>> by_storage_;  // groups
  Mutex mu_;
  // Only totals and what else is found are guarded.
  std::vector<Group> groups_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_TENSOR_SCANS_H_
