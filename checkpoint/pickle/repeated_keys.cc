#include "hoist/checkpoint/pickle/repeated_keys.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/base/stable_vector.h"

namespace hoist {
namespace {

// What makes keys equal, as far as Python's rules are simple: "1" is not 1, and
// 1, 1.0 and True are the same.
using KeyText = std::pair<char, absl::string_view>;

// The text of a number or None.
std::optional<std::string> PlainText(Value key) {
  switch (key.kind()) {
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

// `texts` keeps what is not in the graph.
std::optional<KeyText> TextOf(Value key, StableVector<std::string>& texts) {
  if (key.kind() == ValueKind::kString) {
    return KeyText('s', key.AsString());
  }
  if (key.kind() == ValueKind::kBytes) {
    return KeyText('b', key.AsString());
  }
  auto text = PlainText(key);
  if (!text) {
    return std::nullopt;
  }
  return KeyText('p', texts.push_back(*std::move(text)));
}

}  // namespace

void RemoveRepeatedKeys(ValueGraph& graph, size_t first_value) {
  for (size_t id = first_value; id < graph.size(); ++id) {
    ValueGraph::Node& node = graph.node(static_cast<ValueId>(id));
    if (node.kind != ValueKind::kDict) {
      continue;
    }
    ValueGraph::Items& items = std::get<ValueGraph::Items>(node.data);
    if (items.size() <= 2) {
      continue;
    }
    absl::flat_hash_map<KeyText, size_t> places;
    places.reserve(items.size() / 2);
    StableVector<std::string> texts;
    size_t kept = 0;
    for (size_t i = 0; i < items.size(); i += 2) {
      const auto text = TextOf(Value(&graph, items[i]), texts);
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
