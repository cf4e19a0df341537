#ifndef HOIST_TOOLS_UI_TENSOR_TEXT_H_
#define HOIST_TOOLS_UI_TENSOR_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// A tensor with more elements than this is shown by the first and last three
// along each dimension.
inline constexpr int64_t kMaxElementsShownInFull = 1000;

// Which elements of `entry` its text has, as indices along each dimension:
// what ReadElements() takes. nullopt where it has none: for a tensor without
// data or without elements, one of packed elements, and one of so many
// dimensions that even its edges are more than people read. `entry` is one of
// a valid catalog. Thread-safe.
std::optional<std::vector<std::vector<int64_t>>> ShownElements(
    const TensorEntry& entry);

// The tensor as Python's print() shows it, with PyTorch 2.11 and its default
// options: "tensor([1., 2.], dtype=torch.float16)", over several lines where
// it needs them, without a line end after the last. `shown` holds the elements
// that ShownElements() chose, on the CPU; null if it chose none.
//
// The device that a tensor was saved from is not part of it. What PyTorch shows
// otherwise, or not at all: quantized tensors are integers; bits are
// hexadecimal; int1 to uint7 are numbers; for elements that cannot be shown
// there is "tensor(..., size=(4,), dtype=...)". Thread-safe.
std::string TensorText(const TensorEntry& entry, const Tensor* shown);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_TENSOR_TEXT_H_
