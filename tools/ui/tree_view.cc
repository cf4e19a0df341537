#include "hoist/tools/ui/tree_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/saturating_math.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kMaxShapeWidth = 40;

// Lines of the children of `node`, without what is deeper than `depth`.
size_t CountLines(const LayerNode& node, int depth) {
  size_t lines = 0;
  for (const LayerNode& child : node.children) {
    lines += std::max<size_t>(child.tensors.size(), 1);
    if (depth > 1) {
      lines += CountLines(child, depth - 1);
    }
  }
  return lines;
}

// How deep the tree can be shown in `max_lines`; at least 1.
int FittingDepth(const LayerNode& root, size_t max_lines) {
  int depth = kMaxLayerDepth;
  while (max_lines > 0 && depth > 1 && CountLines(root, depth) > max_lines) {
    --depth;
  }
  return depth;
}

class Renderer {
 public:
  Renderer(absl::Span<const TensorRow> rows, const TreeViewOptions& options)
      : rows_(rows), options_(options) {}

  TreeView Run(const LayerNode& root);

 private:
  void AddChildren(const LayerNode& node, int level);
  void AddLayer(const LayerNode& node, int level);
  void AddTensor(const LayerNode& node, const TensorRow& row, int level);
  std::string Name(const LayerNode& node, int level) const;
  bool IsFull() const {
    return options_.max_lines > 0 && table_.size() >= options_.max_lines;
  }

  const absl::Span<const TensorRow> rows_;
  const TreeViewOptions& options_;
  TextTable table_;
  int max_depth_ = 0;
};

std::string Renderer::Name(const LayerNode& node, int level) const {
  constexpr size_t kMinLabelWidth = 12;
  const size_t indent = static_cast<size_t>(level) * kIndent;
  const size_t room = options_.max_name_width > indent + kMinLabelWidth
                          ? options_.max_name_width - indent
                          : kMinLabelWidth;
  const std::string label = DisplayText(node.label, room);
  // Without quotes nobody would see where it starts and ends.
  const bool is_quoted =
      label.empty() || label.front() == ' ' || label.back() == ' ';
  const absl::string_view quote = is_quoted ? "\"" : "";
  return absl::StrCat(std::string(indent, ' '), quote, label, quote);
}

std::string RepeatsText(const LayerNode& node) {
  return node.repeats > 1 ? absl::StrCat("(", node.repeats, " identical)") : "";
}

void Renderer::AddLayer(const LayerNode& node, int level) {
  const bool is_closed = level + 1 >= max_depth_ && !node.children.empty();
  const std::string repeats = RepeatsText(node);
  const std::string name = Name(node, level);
  const int64_t tensors = node.repeats * node.tensor_count;
  table_.AddRow(
      {{.text = repeats.empty() ? name : absl::StrCat(name, "  ", repeats),
        .style = TextStyle::kBold,
        .is_wide = true},
       {},
       {},
       {.text =
            GroupedDigits(SaturatingMul(node.repeats, node.parameter_count)),
        .style = TextStyle::kBold,
        .align_right = true},
       {.text = is_closed
                    ? absl::StrCat("in ", GroupedDigits(tensors), " tensors")
                    : "",
        .style = TextStyle::kDim}});
}

void Renderer::AddTensor(const LayerNode& node, const TensorRow& row,
                         int level) {
  const TextStyle style = row.is_buffer ? TextStyle::kDim : TextStyle::kPlain;
  std::string note = RepeatsText(node);
  if (row.tied_to) {
    note = node.repeats > 1
               ? absl::StrCat("tied ", note)
               : absl::StrCat("= ", DisplayText(rows_[*row.tied_to].name,
                                                options_.max_name_width));
  } else if (!row.has_data) {
    absl::StrAppend(&note, note.empty() ? "" : " ", "no data");
  }
  table_.AddRow(
      {{.text = Name(node, level), .style = style},
       {.text = DisplayText(ShapeString(row.shape), kMaxShapeWidth),
        .style = style},
       {.text = std::string(DTypeName(row.dtype)), .style = TextStyle::kDim},
       {.text = GroupedDigits(row.elements),
        .style = style,
        .align_right = true},
       {.text = note, .style = TextStyle::kDim}});
}

void Renderer::AddChildren(const LayerNode& node, int level) {
  for (const LayerNode& child : node.children) {
    for (const int tensor : child.tensors) {
      if (IsFull()) {
        return;
      }
      AddTensor(child, rows_[tensor], level);
    }
    if (child.tensors.empty()) {
      if (IsFull()) {
        return;
      }
      AddLayer(child, level);
    }
    if (level + 1 < max_depth_) {
      AddChildren(child, level + 1);
    }
  }
}

TreeView Renderer::Run(const LayerNode& root) {
  max_depth_ = FittingDepth(root, options_.max_lines);
  AddChildren(root, 0);
  return {.text = table_.Render(options_.has_color),
          .is_cut = table_.size() < CountLines(root, kMaxLayerDepth)};
}

}  // namespace

TreeView RenderTree(const LayerNode& root, absl::Span<const TensorRow> rows,
                    const TreeViewOptions& options) {
  return Renderer(rows, options).Run(root);
}

}  // namespace hoist
