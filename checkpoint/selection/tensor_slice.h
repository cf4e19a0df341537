#ifndef HOIST_CHECKPOINT_SELECTION_TENSOR_SLICE_H_
#define HOIST_CHECKPOINT_SELECTION_TENSOR_SLICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What an index of Python's says of one dimension.
struct SliceItem {
  enum class Kind {
    kIndex,     // 3: this one place, and the dimension goes
    kRange,     // 1:5:2
    kEllipsis,  // ...: all of as many dimensions as the rest leaves
  };
  Kind kind = Kind::kRange;
  // From where: the place itself of kIndex. Negative numbers count from the
  // end; nullopt is the start, or the end.
  std::optional<int64_t> start;
  std::optional<int64_t> stop;
  int64_t step = 1;  // positive
};

// A basic index: a part of a tensor that is a view of it.
struct TensorSlice {
  std::vector<SliceItem> items;
  std::string text;  // as it was written, with brackets: "[0:4, -1]"
};

// Name and index of "fc.weight[0:4, -1]", that without its brackets. nullopt if
// there is none at the end. Thread-safe, like all here.
std::optional<std::pair<absl::string_view, absl::string_view>> SplitIndex(
    absl::string_view name);

// Reads what stands between the brackets of an index: integers, ranges with
// positive steps, and one "...", with "," between them. kInvalidArgument for
// anything else, with what and where it is.
absl::StatusOr<TensorSlice> ParseTensorSlice(absl::string_view text);

// That part of `tensor`, as PyTorch's basic indexing gives it without a
// gradient: another shape, strides and offset over the same storage; the text
// of the slice is added to the name. kInvalidArgument where an index is out of
// range or there are too many; kUnimplemented for elements that are packed.
// Errors name the tensor. `tensor` is one of a valid catalog, and so is the
// result.
absl::StatusOr<TensorEntry> SliceTensor(const TensorEntry& tensor,
                                        const TensorSlice& slice);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SELECTION_TENSOR_SLICE_H_
