#include "hoist/checkpoint/pickle/attribute_parts.h"

#include <algorithm>

namespace hoist {
namespace {

bool IsText(Value value, absl::string_view text) {
  return value.kind() == ValueKind::kString && value.AsString() == text;
}

}  // namespace

std::optional<SplitState> SplitState::Of(
    Value state, absl::Span<const absl::string_view> names) {
  SplitState split;
  Value dict = state;
  if (state.kind() == ValueKind::kTuple && state.size() == 2) {
    dict = state[0];
    split.whole_ = state[1];
  }
  if (dict.kind() != ValueKind::kDict) {
    return std::nullopt;
  }
  for (const absl::string_view name : names) {
    const auto part = dict.Find(name);
    if (!part) {
      return std::nullopt;
    }
    split.parts_.push_back(*part);
  }
  for (size_t i = 0; i < dict.size(); ++i) {
    const bool is_part =
        std::any_of(names.begin(), names.end(),
                    [key = dict.key(i)](absl::string_view name) {
                      return IsText(key, name);
                    });
    if (!is_part) {
      split.attributes_.emplace_back(dict.key(i), dict.value(i));
    }
  }
  return split;
}

std::optional<Value> SplitState::Take(absl::string_view name) {
  const auto found = std::find_if(
      attributes_.begin(), attributes_.end(),
      [name](const auto& attribute) { return IsText(attribute.first, name); });
  if (found == attributes_.end()) {
    return std::nullopt;
  }
  const Value value = found->second;
  attributes_.erase(found);
  return value;
}

void SplitState::AddAttributes(PickleParts& parts) const {
  if (whole_) {
    parts.Value(whole_->id());
  } else if (attributes_.empty()) {
    parts.None();
  } else {
    parts.Op('}');
    parts.Mark();
    for (const auto& [key, value] : attributes_) {
      parts.Value(key.id());
      parts.Value(value.id());
    }
    parts.Op('u');
  }
}

}  // namespace hoist
