#ifndef HOIST_TOOLS_UI_TREE_VIEW_H_
#define HOIST_TOOLS_UI_TREE_VIEW_H_

#include <cstddef>
#include <string>

#include "absl/types/span.h"
#include "hoist/tools/ui/layer_tree.h"
#include "hoist/tools/ui/tensor_row.h"

namespace hoist {

struct TreeViewOptions {
  bool has_color = false;
  // Columns for names, with their indent.
  size_t max_name_width = 100;
  // A longer tree is shown less deep, and then cut; 0 for no limit.
  size_t max_lines = 0;
};

struct TreeView {
  std::string text;
  bool is_cut = false;
};

// The tree as aligned lines: name, shape, dtype, number of elements; for a
// layer the number of parameters in it. `rows` are those it was made from.
// Thread-safe.
TreeView RenderTree(const LayerNode& root, absl::Span<const TensorRow> rows,
                    const TreeViewOptions& options);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_TREE_VIEW_H_
