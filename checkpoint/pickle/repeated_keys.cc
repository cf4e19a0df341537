#include "hoist/checkpoint/pickle/repeated_keys.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace hoist {
namespace {

// Text by which equal keys are equal, as far as Python's rules are simple: "1"
// is not 1, and 1, 1.0 and True are the same.
std::optional<std::string> KeyText(Value key) {
  switch (key.kind()) {
    case ValueKind::kString:
      return absl::StrCat("s", key.AsString());
    case ValueKind::kBytes:
      return absl::StrCat("b", key.AsString());
    case ValueKind::kNone:
      return "n";
    case ValueKind::kBool:
      return key.AsBool() ? "1" : "0";
    case ValueKind::kInt:
      return absl::StrCat(key.AsInt());
    case ValueKind::kFloat:
      if (key.AsFloat() >= -9e15 && key.AsFloat() <= 9e15 &&
          key.AsFloat() ==
              static_cast<double>(static_cast<int64_t>(key.AsFloat()))) {
        return absl::StrCat(static_cast<int64_t>(key.AsFloat()));
      }
      return absl::StrCat("f", ValueText(key));
    default:
      return std::nullopt;
  }
}

}  // namespace

void RemoveRepeatedKeys(ValueGraph& graph, size_t first_value) {
  absl::flat_hash_map<std::string, size_t> places;
  for (size_t id = first_value; id < graph.size(); ++id) {
    ValueGraph::Node& node = graph.node(static_cast<ValueId>(id));
    if (node.kind != ValueKind::kDict) {
      continue;
    }
    std::vector<ValueId>& items = std::get<std::vector<ValueId>>(node.data);
    places.clear();
    size_t kept = 0;
    for (size_t i = 0; i < items.size(); i += 2) {
      const auto text = KeyText(Value(&graph, items[i]));
      if (text.has_value()) {
        const auto [place, is_new] = places.try_emplace(*text, kept);
        if (!is_new) {
          items[place->second + 1] = items[i + 1];
          continue;
        }
      }
      items[kept] = items[i];
      items[kept + 1] = items[i + 1];
      kept += 2;
    }
    items.resize(kept);
  }
}

}  // namespace hoist
