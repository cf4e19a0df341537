#ifndef HOIST_CHECKPOINT_MIGRATE_TENSOR_TRANSFORMS_H_
#define HOIST_CHECKPOINT_MIGRATE_TENSOR_TRANSFORMS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// Other views of the storage of a tensor, which cost no bytes. Errors are
// kInvalidArgument, and say what does not fit. Thread-safe, like all here.

// A dimension counted from the end where it is negative, as PyTorch has it.
absl::StatusOr<size_t> DimensionOf(int64_t dimension, size_t dimensions);

// `order[i]` is which dimension becomes number i, as torch.permute()'s.
absl::StatusOr<TensorEntry> PermuteTensor(const TensorEntry& tensor,
                                          absl::Span<const int64_t> order);

// Exchanges two dimensions, as torch.transpose().
absl::StatusOr<TensorEntry> TransposeTensor(const TensorEntry& tensor,
                                            int64_t first, int64_t second);

// `shape` with the number that a size of -1 stands for.
absl::StatusOr<std::vector<int64_t>> ResolveShape(
    const TensorSpec& spec, absl::Span<const int64_t> shape);

// Of a contiguous tensor, to what ResolveShape() returned.
absl::StatusOr<TensorEntry> ReshapeTensor(const TensorEntry& tensor,
                                          std::vector<int64_t> shape);

// Elements `start` to `start + size` - 1 along a dimension, as torch.narrow().
absl::StatusOr<TensorEntry> NarrowTensor(const TensorEntry& tensor,
                                         size_t dimension, int64_t start,
                                         int64_t size);

// `parts`, one at least, one after the other along a dimension that they have,
// where they lie like that in one storage, as what NarrowTensor() made of one
// tensor does; nullopt where they do not. Like the first in all else.
std::optional<TensorEntry> JoinTensors(absl::Span<const TensorEntry> parts,
                                       size_t dimension);

// What an index of Python's takes of it (tensor_slice.h), with or without
// brackets; the name stays, and what is a parameter is one still.
absl::StatusOr<TensorEntry> IndexTensor(const TensorEntry& tensor,
                                        absl::string_view index);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_TENSOR_TRANSFORMS_H_
