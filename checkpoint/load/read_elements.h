#ifndef HOIST_CHECKPOINT_LOAD_READ_ELEMENTS_H_
#define HOIST_CHECKPOINT_LOAD_READ_ELEMENTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// More elements than this are not for ReadElements(), but for Load().
inline constexpr int64_t kMaxReadElements = int64_t{1} << 24;

// Reads those elements of `entry` that lie, along each dimension i, at one of
// the `indices[i]`: as a contiguous tensor on the CPU whose size i is that of
// `indices[i]`, as they would be after Load(): in this machine's byte order,
// conjugated and negated where that was left to be done.
//
// Reads only the bytes of these elements, and gaps of 4 KiB at most between
// them; a compressed storage from its start up to the last of them, at each
// call. So there is nothing to compare a checksum with: damage goes unnoticed
// here, where Load() would find it.
//
// `catalog` is valid, and `entry` one of its tensors or a view of one; `files`
// as Checkpoint::files(). Takes 32 bytes of memory for each element beside the
// result, and 2 MiB. Blocks. kInvalidArgument for an index that is not there or
// a tensor without data; kUnimplemented for elements that are packed;
// kResourceExhausted for more than kMaxReadElements; kDataLoss and others of
// reading. Errors name the tensor. Thread-safe.
absl::StatusOr<Tensor> ReadElements(
    const Catalog& catalog, CatalogFiles files, const TensorEntry& entry,
    absl::Span<const std::vector<int64_t>> indices);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_READ_ELEMENTS_H_
