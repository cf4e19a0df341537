#ifndef HOIST_CHECKPOINT_WRITE_READ_TENSOR_H_
#define HOIST_CHECKPOINT_WRITE_READ_TENSOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/write/storage_reader.h"

namespace hoist {

// The elements of `tensor`, which has a storage that `reader` reads, row-major
// and little-endian, as they are stored: neither conjugated nor negated. Takes
// memory for all that lies between its first and last element; blocks.
// kUnimplemented for elements that are packed, and errors of reading, with the
// tensor's name. Thread-safe.
absl::StatusOr<std::vector<uint8_t>> ReadTensor(StorageReader& reader,
                                                const TensorEntry& tensor);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_READ_TENSOR_H_
