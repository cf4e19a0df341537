#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_VALUES_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/formats/native/byte_cursor.h"

namespace hoist {

// The table of values in the index: FORMAT.md, "Values". Thread-safe, like all
// here.

struct NativeValueCounts {
  uint32_t value_count = 0;  // in the table
  uint32_t root_id = 0;
};

// Writes all values that `root_id` leads to, in the order in which they are met
// first, so that equal trees have equal tables. kInvalidArgument for values
// that the format cannot hold: more than 2^32, or texts of 4 GiB.
absl::StatusOr<NativeValueCounts> PutNativeValues(const ValueGraph& values,
                                                  ValueId root_id,
                                                  ByteSink& sink);

// Reads a table into an empty graph. kDataLoss for one in which a value is not
// what its kind has, or refers to one, a tensor or a storage that is not there.
absl::Status TakeNativeValues(const NativeValueCounts& counts,
                              size_t tensor_count, size_t storage_count,
                              ByteCursor& cursor, ValueGraph& values);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_VALUES_H_
