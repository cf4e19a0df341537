#include "hoist/checkpoint/pickle/object_states.h"

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoist {

ValueId QuantizerState(ValueGraph& graph, Value quantizer) {
  std::vector<absl::string_view> names;
  if (quantizer.kind() == ValueKind::kTuple && quantizer.size() == 3) {
    names = {"qscheme", "scale", "zero_point"};
  } else if (quantizer.kind() == ValueKind::kTuple && quantizer.size() == 4) {
    names = {"qscheme", "scales", "zero_points", "axis"};
  } else {
    return quantizer.id();
  }
  std::vector<ValueId> entries;
  for (size_t i = 0; i < names.size(); ++i) {
    entries.push_back(graph.AddString(names[i]));
    entries.push_back(quantizer[i].id());
  }
  return graph.AddItems(ValueKind::kDict, entries);
}

ValueId JoinedState(ValueGraph& graph, ValueId parts, ValueId attributes) {
  const Value own(&graph, parts);
  const Value given(&graph, attributes);
  // A call of a few bytes would copy them all.
  constexpr size_t kMaxAttributes = 64;
  if (own.kind() != ValueKind::kDict || given.kind() != ValueKind::kDict ||
      own.size() > kMaxAttributes || given.size() > kMaxAttributes) {
    return graph.AddItems(ValueKind::kTuple, {parts, attributes});
  }
  std::vector<ValueId> entries;
  for (size_t i = 0; i < own.size(); ++i) {
    const Value key = own.key(i);
    const auto twin = key.kind() == ValueKind::kString
                          ? given.Find(key.AsString())
                          : std::nullopt;
    if (!twin) {
      entries.push_back(key.id());
      entries.push_back(own.value(i).id());
    } else if (twin->id() != own.value(i).id()) {
      return graph.AddItems(ValueKind::kTuple, {parts, attributes});
    }
  }
  for (size_t i = 0; i < given.size(); ++i) {
    entries.push_back(given.key(i).id());
    entries.push_back(given.value(i).id());
  }
  return graph.AddItems(ValueKind::kDict, entries);
}

ValueId CompiledModuleState(ValueGraph& graph, ValueId module) {
  const ValueId nothing = graph.AddItems(ValueKind::kDict, {});
  const ValueId layers =
      graph.AddItems(ValueKind::kDict, {graph.AddString("_orig_mod"), module});
  return graph.AddItems(
      ValueKind::kDict,
      {graph.AddString("_parameters"), nothing, graph.AddString("_buffers"),
       nothing, graph.AddString("_modules"), layers});
}

}  // namespace hoist
