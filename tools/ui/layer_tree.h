#ifndef HOIST_TOOLS_UI_LAYER_TREE_H_
#define HOIST_TOOLS_UI_LAYER_TREE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/tools/ui/tensor_row.h"

namespace hoist {

// Where names have more parts, the rest of a name is one part.
inline constexpr int kMaxLayerDepth = 32;

// A layer or a tensor, or several equal layers side by side.
struct LayerNode {
  // The part of the names ("weight"), the range of parts of the layers that it
  // stands for ("0-11"), or several with "." between them where nothing
  // branches off ("blocks.0-11"). As in the file: not safe to show.
  std::string label;
  // Of how many siblings this is the first, all equal to it in the names below,
  // shapes and dtypes.
  int repeats = 1;
  // Indices of the rows that have this very name.
  std::vector<int> tensors;
  std::vector<LayerNode> children;
  // Of all below, once for each of `repeats`.
  int64_t tensor_count = 0;
  int64_t parameter_count = 0;
};

// The tree of the names of those `rows` that `shown` lists, split at ".", in
// the order given; siblings that are numbered are in the order of their
// numbers. The root has no label. Thread-safe.
LayerNode BuildLayerTree(absl::Span<const TensorRow> rows,
                         absl::Span<const int> shown);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_LAYER_TREE_H_
