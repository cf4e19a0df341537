#ifndef HOIST_CHECKPOINT_LOAD_CAST_NUMBERS_H_
#define HOIST_CHECKPOINT_LOAD_CAST_NUMBERS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/plan/storage_cast.h"

namespace hoist {

// Numbers that a cast to a dtype of smaller range may be wrong for.
struct CastLosses {
  uint64_t infinite_count = 0;  // finite before, and infinite after
  uint64_t nan_count = 0;       // NaN before, and after

  bool IsEmpty() const { return infinite_count == 0 && nan_count == 0; }
  void Add(const CastLosses& other) {
    infinite_count += other.infinite_count;
    nan_count += other.nan_count;
  }
};

// Cast() of cast.h between castable dtypes, and its errors. Counts losses where
// the new dtype cannot have every finite number of the old one in its range;
// elsewhere there are none of the first kind, and the second is not looked for.
// One pass more over what was just written, and scans only where that finds
// something. Thread-safe.
absl::StatusOr<CastLosses> CastNumbers(const StorageCast& cast,
                                       absl::Span<const uint8_t> source,
                                       absl::Span<uint8_t> destination);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_CAST_NUMBERS_H_
