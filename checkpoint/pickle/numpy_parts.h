#ifndef HOIST_CHECKPOINT_PICKLE_NUMPY_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_NUMPY_PARTS_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What RebuildNumpyValues() has made data of, as numpy itself pickles it for
// protocol 2; numpy 1 and 2 read it. Thread-safe for different `parts`.

// Reads the elements of a tensor, row-major and little-endian.
using ElementReader =
    std::function<absl::StatusOr<std::vector<uint8_t>>(const TensorEntry&)>;

// Whether `value` is a tensor that was an array, and numpy has its dtype.
bool IsNumpyArray(Value value, const Catalog& catalog);

// Whether `value` is a number or bytes that was one of numpy's scalars.
bool IsNumpyScalar(Value value);

// Of an array with the elements of `array`, whose order in memory stays row- or
// column-major. Its bytes become part of the pickle. Errors of `read`.
absl::Status AddNumpyArray(Value value, const TensorEntry& array,
                           const ElementReader& read, PickleParts& parts);

void AddNumpyScalar(Value value, PickleParts& parts);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_NUMPY_PARTS_H_
