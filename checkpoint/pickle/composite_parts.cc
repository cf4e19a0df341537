#include "hoist/checkpoint/pickle/composite_parts.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/pickle/attribute_parts.h"
#include "hoist/checkpoint/pickle/rebuild_call.h"

namespace hoist {
namespace {

// With the attributes that a plain tensor was given, if there are any.
void AddWithAttributes(RebuildCall call, const SplitState& state,
                       PickleParts& parts) {
  if (state.has_attributes()) {
    call = WithTypeAndAttributes(
        std::move(call),
        [](PickleParts& arguments) { arguments.Class("torch", "Tensor"); },
        state);
  }
  AddCall(std::move(call), parts);
  parts.Put();
}

// (layout, parts)
bool AddSparse(absl::string_view layout, Value object, PickleParts& parts) {
  std::vector<absl::string_view> names = {"indices", "values", "size"};
  if (absl::EndsWith(layout, "sr")) {
    names = {"crow_indices", "col_indices", "values", "size"};
  } else if (absl::EndsWith(layout, "sc")) {
    names = {"ccol_indices", "row_indices", "values", "size"};
  }
  auto state = SplitState::Of(object.state(), names);
  if (!state) {
    return false;
  }
  // Whether it is coalesced was not always recorded.
  const auto is_coalesced =
      names.size() == 3 ? state->Take("is_coalesced") : std::nullopt;
  RebuildCall call{.function = "_rebuild_sparse_tensor"};
  PickleParts& arguments = call.arguments;
  AddLayout(absl::StrCat("torch.", layout), arguments);
  const size_t size = names.size() + (is_coalesced ? 1 : 0);
  arguments.BeginTuple(size);
  for (size_t i = 0; i < names.size(); ++i) {
    arguments.Value(state->part(i).id());
  }
  if (is_coalesced) {
    arguments.Value(is_coalesced->id());
  }
  arguments.EndTuple(size);
  arguments.EndTuple(2);
  AddWithAttributes(std::move(call), *state, parts);
  return true;
}

// (buffer, sizes, strides, storage offsets)
bool AddNested(Value object, PickleParts& parts) {
  const auto state = SplitState::Of(
      object.state(), {"buffer", "sizes", "strides", "storage_offsets"});
  if (!state) {
    return false;
  }
  RebuildCall call{.function = "_rebuild_nested_tensor"};
  call.arguments.BeginTuple(4);
  for (size_t i = 0; i < 4; ++i) {
    call.arguments.Value(state->part(i).id());
  }
  call.arguments.EndTuple(4);
  AddWithAttributes(std::move(call), *state, parts);
  return true;
}

// ({"values": ..., "offsets": ..., "lengths": ..., ...},)
bool AddJagged(Value object, PickleParts& parts) {
  constexpr absl::string_view kModule =
      "torch.nested._internal.nested_tensor";
  auto state =
      SplitState::Of(object.state(), {"_values", "_offsets", "_lengths"});
  if (!state) {
    return false;
  }
  RebuildCall call{.module = kModule, .function = "_rebuild_njt"};
  PickleParts& arguments = call.arguments;
  arguments.Op('}');
  arguments.Mark();
  constexpr absl::string_view kKeywords[] = {"values", "offsets", "lengths"};
  for (size_t i = 0; i < 3; ++i) {
    arguments.SharedText(kKeywords[i]);
    arguments.Value(state->part(i).id());
  }
  for (const absl::string_view name :
       {"_ragged_idx", "_metadata_cache", "requires_grad"}) {
    if (const auto value = state->Take(name)) {
      arguments.SharedText(name);
      arguments.Value(value->id());
    }
  }
  arguments.Op('u');
  arguments.EndTuple(1);
  AddCall(WithTypeAndAttributes(
              std::move(call),
              [kModule](PickleParts& outer) {
                outer.Class(kModule, "NestedTensor");
              },
              *state),
          parts);
  parts.Put();
  return true;
}

// Whether it is what MakeWrapper() has made: of (dtype, size, stride, storage
// offset, layout, device, requires_grad).
bool IsWrapper(Value object) {
  return object.size() == 7 && object.type().kind() == ValueKind::kClass &&
         object[0].kind() == ValueKind::kClass &&
         absl::StartsWith(object[0].AsString(), "torch.") &&
         object[3].kind() == ValueKind::kInt &&
         object[4].kind() == ValueKind::kClass &&
         IsLayoutName(object[4].AsString()) &&
         object[6].kind() == ValueKind::kBool;
}

void AddWrapper(Value object, PickleParts& parts) {
  parts.Class("torch._tensor", "_rebuild_from_type_v2");
  parts.BeginTuple(4);
  parts.Class("torch._utils", "_rebuild_wrapper_subclass");
  parts.Type(object.type().id());
  parts.BeginTuple(8);
  parts.Type(object.type().id());
  for (size_t i = 0; i < object.size(); ++i) {
    parts.Value(object[i].id());
  }
  parts.EndTuple(8);
  parts.Value(object.state().id());
  parts.EndTuple(4);
  parts.Call();
  parts.Put();
}

}  // namespace

bool IsLayoutName(absl::string_view name) {
  static constexpr absl::string_view kLayouts[] = {
      "torch.strided",    "torch.sparse_coo", "torch.sparse_csr",
      "torch.sparse_csc", "torch.sparse_bsr", "torch.sparse_bsc",
      "torch._mkldnn",    "torch.jagged"};
  return std::ranges::find(kLayouts, name) != std::end(kLayouts);
}

void AddLayout(absl::string_view name, PickleParts& parts) {
  parts.Class("torch.serialization", "_get_layout");
  parts.SharedText(name);
  parts.EndTuple(1);
  parts.Call();
}

bool AddCompositeTensor(Value object, PickleParts& parts) {
  if (object.kind() != ValueKind::kOpaque) {
    return false;
  }
  const std::string class_name = object.ClassName();
  absl::string_view name = class_name;
  if (name == "torch.nested.nested_tensor") {
    return AddNested(object, parts);
  }
  if (name == "torch.nested._internal.nested_tensor.NestedTensor") {
    return AddJagged(object, parts);
  }
  if (absl::ConsumePrefix(&name, "torch.sparse_") &&
      absl::ConsumeSuffix(&name, "_tensor")) {
    return AddSparse(absl::StrCat("sparse_", name), object, parts);
  }
  if (IsWrapper(object)) {
    AddWrapper(object, parts);
    return true;
  }
  return false;
}

}  // namespace hoist
