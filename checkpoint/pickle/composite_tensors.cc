#include "hoist/checkpoint/pickle/composite_tensors.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace hoist {
namespace {

using Arguments = absl::Span<const ValueId>;
using Names = std::vector<absl::string_view>;

// An opaque value with attributes: keys and values in turn.
ValueId MakeObject(ValueGraph& graph, absl::string_view module,
                   absl::string_view class_name,
                   absl::Span<const ValueId> attributes) {
  const ValueId state = graph.AddItems(ValueKind::kDict, attributes);
  const ValueId object = graph.AddItems(ValueKind::kOpaque, {},
                                        graph.AddClass(module, class_name));
  graph.node(object).state = state;
  return object;
}

// The attributes `names`, as far as there are `parts`.
std::vector<ValueId> Attributes(ValueGraph& graph, const Names& names,
                                absl::Span<const ValueId> parts) {
  std::vector<ValueId> attributes;
  for (size_t i = 0; i < names.size() && i < parts.size(); ++i) {
    attributes.push_back(graph.AddString(names[i]));
    attributes.push_back(parts[i]);
  }
  return attributes;
}

// _get_layout("torch.sparse_coo"): the layout, by its name.
std::optional<ValueId> MakeLayout(ValueGraph& graph, Arguments arguments) {
  if (arguments.size() != 1) {
    return std::nullopt;
  }
  const Value name(&graph, arguments[0]);
  constexpr size_t kMaxNameBytes = 64;
  if (name.kind() != ValueKind::kString ||
      name.AsString().size() > kMaxNameBytes) {
    return std::nullopt;
  }
  absl::string_view layout = name.AsString();
  if (!absl::ConsumePrefix(&layout, "torch.")) {
    return std::nullopt;
  }
  return graph.AddClass("torch", layout);
}

// The names of the parts of a sparse tensor.
std::optional<Names> SparseParts(absl::string_view layout) {
  if (layout == "torch.sparse_coo") {
    return Names{"indices", "values", "size", "is_coalesced"};
  }
  if (layout == "torch.sparse_csr" || layout == "torch.sparse_bsr") {
    return Names{"crow_indices", "col_indices", "values", "size"};
  }
  if (layout == "torch.sparse_csc" || layout == "torch.sparse_bsc") {
    return Names{"ccol_indices", "row_indices", "values", "size"};
  }
  return std::nullopt;
}

// The name of a layout of c10, as LibTorch's own pickles number them.
std::optional<absl::string_view> LayoutName(int64_t layout) {
  switch (layout) {
    case 1:
      return "torch.sparse_coo";
    case 2:
      return "torch.sparse_csr";
    case 4:
      return "torch.sparse_csc";
    case 5:
      return "torch.sparse_bsr";
    case 6:
      return "torch.sparse_bsc";
    default:
      return std::nullopt;
  }
}

// (layout, parts), or from TorchScript (number of the layout, size,
// requires_grad, parts without the size..., hooks).
std::optional<ValueId> MakeSparse(ValueGraph& graph, Arguments arguments) {
  if (arguments.size() < 2) {
    return std::nullopt;
  }
  const Value layout(&graph, arguments[0]);
  // None has more parts, and a call of a few bytes copies them.
  constexpr size_t kMaxParts = 8;
  const Value items(&graph, arguments[1]);
  absl::string_view name;
  std::vector<ValueId> parts;
  if (layout.kind() == ValueKind::kClass && arguments.size() == 2 &&
      items.kind() == ValueKind::kTuple && items.size() <= kMaxParts) {
    name = layout.AsString();
    for (size_t i = 0; i < items.size(); ++i) {
      parts.push_back(items[i].id());
    }
  } else if (layout.kind() == ValueKind::kInt && arguments.size() > 4 &&
             arguments.size() <= kMaxParts) {
    name = LayoutName(layout.AsInt()).value_or("");
    parts.assign(arguments.begin() + 3, arguments.end() - 1);
    parts.push_back(arguments[1]);
  }
  const auto names = SparseParts(name);
  // Whether it is coalesced was not always recorded.
  if (!names || parts.size() < 3 || parts.size() > names->size()) {
    return std::nullopt;
  }
  absl::ConsumePrefix(&name, "torch.");
  return MakeObject(graph, "torch", absl::StrCat(name, "_tensor"),
                    Attributes(graph, *names, parts));
}

// (buffer, sizes, strides, storage offsets)
std::optional<ValueId> MakeNested(ValueGraph& graph, Arguments arguments) {
  const Names names = {"buffer", "sizes", "strides", "storage_offsets"};
  if (arguments.size() != names.size()) {
    return std::nullopt;
  }
  return MakeObject(graph, "torch", "nested.nested_tensor",
                    Attributes(graph, names, arguments));
}

// (class, dtype, size, stride, storage offset, layout, device, requires_grad)
std::optional<ValueId> MakeWrapper(ValueGraph& graph, Arguments arguments) {
  if (arguments.empty() || graph.node(arguments[0]).kind != ValueKind::kClass) {
    return std::nullopt;
  }
  return graph.AddItems(ValueKind::kOpaque, arguments.subspan(1), arguments[0]);
}

// ({"values": ..., "offsets": ..., "lengths": ...},), which become attributes.
std::optional<ValueId> MakeJagged(ValueGraph& graph, Arguments arguments) {
  // Real ones have six.
  constexpr size_t kMaxKeywords = 16;
  if (arguments.size() != 1 ||
      graph.node(arguments[0]).kind != ValueKind::kDict ||
      Value(&graph, arguments[0]).size() > kMaxKeywords) {
    return std::nullopt;
  }
  std::vector<ValueId> attributes;
  const Value keywords(&graph, arguments[0]);
  for (size_t i = 0; i < keywords.size(); ++i) {
    ValueId key = keywords.key(i).id();
    for (const absl::string_view name : {"values", "offsets", "lengths"}) {
      if (keywords.key(i).kind() == ValueKind::kString &&
          keywords.key(i).AsString() == name) {
        key = graph.AddString(absl::StrCat("_", name));
        break;
      }
    }
    attributes.push_back(key);
    attributes.push_back(keywords.value(i).id());
  }
  return MakeObject(graph, "torch.nested._internal.nested_tensor",
                    "NestedTensor", attributes);
}

}  // namespace

std::optional<ValueId> MakeCompositeTensor(
    ValueGraph& graph, absl::string_view callable,
    absl::Span<const ValueId> arguments) {
  if (callable == "torch.serialization._get_layout") {
    return MakeLayout(graph, arguments);
  }
  if (callable == "torch._utils._rebuild_sparse_tensor" ||
      callable == "torch._utils._rebuild_sparse_csr_tensor") {
    return MakeSparse(graph, arguments);
  }
  if (callable == "torch._utils._rebuild_nested_tensor") {
    return MakeNested(graph, arguments);
  }
  if (callable == "torch.nested._internal.nested_tensor._rebuild_njt") {
    return MakeJagged(graph, arguments);
  }
  if (callable == "torch._utils._rebuild_wrapper_subclass") {
    return MakeWrapper(graph, arguments);
  }
  return std::nullopt;
}

}  // namespace hoist
