#ifndef HOIST_CHECKPOINT_DIFF_COMPARE_ELEMENTS_H_
#define HOIST_CHECKPOINT_DIFF_COMPARE_ELEMENTS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/checkpoint/diff/number_diff.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Two tensors of one shape, each with a storage of its source. Not owned.
struct ElementPair {
  const TensorEntry* a = nullptr;
  const TensorEntry* b = nullptr;
};

struct CompareElementsOptions {
  // Compare numbers, of any dtypes that have some; else bit for bit, which for
  // other dtypes is never the same. What is not conjugated or negated alike is
  // always compared as numbers.
  bool as_numbers = false;
  Tolerance tolerance;
  // End at the first tensors that are not the same.
  bool stop_at_difference = false;
  ThreadPool* pool = nullptr;           // not owned
  const CancelToken* cancel = nullptr;  // not owned
  // Called with the bytes that were compared and those that will be, often and
  // from any thread; it must be quick. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t all_bytes)> on_progress;
};

struct ComparedElements {
  // Of each pair. Beyond the tolerance is not the same.
  std::vector<bool> is_same;
  // Of each pair that was compared as numbers.
  std::vector<std::optional<NumberDiff>> numbers;
  uint64_t read_bytes = 0;  // of both sources
  bool is_partial = false;  // it has stopped at a difference
};

// Compares elements, whatever strides, compression and byte order they are
// stored with. Nothing is looked at but elements: no gaps. Elements that
// several pairs have are read once. Memory is bounded by a few hundred MiB,
// whatever the sizes; blocks. What is read is held against checksums:
// kDataLoss for damaged or missing bytes. kUnimplemented for packed elements
// that do not lie one after the other; kResourceExhausted for a tensor that
// repeats few bytes to more than a GiB, unless the other does alike;
// kCancelled. Thread-safe.
absl::StatusOr<ComparedElements> CompareElements(
    const TensorSource& a, const TensorSource& b,
    absl::Span<const ElementPair> pairs, const CompareElementsOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_COMPARE_ELEMENTS_H_
