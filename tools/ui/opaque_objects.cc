#include "hoist/tools/ui/opaque_objects.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

class Walk {
 public:
  explicit Walk(size_t max_path_bytes) : max_path_bytes_(max_path_bytes) {}

  OpaqueObjects Run(Value root);

 private:
  static constexpr size_t kNoPlace = static_cast<size_t>(-1);

  // A key on the way from the root; a path is a chain of them, so that no
  // string is made before it is needed.
  struct Place {
    size_t parent;
    std::optional<Value> key;  // none: `position` is the key
    size_t position = 0;
  };
  struct Visit {
    Value value;
    size_t place;
  };

  // Whether it is an object, or others may be in it.
  static bool IsOfInterest(Value value) {
    switch (value.kind()) {
      case ValueKind::kDict:
      case ValueKind::kList:
      case ValueKind::kTuple:
      case ValueKind::kSet:
      case ValueKind::kOpaque:
        return true;
      case ValueKind::kTensor:
        // An array may keep how numpy calls its elements.
        return value.state().kind() != ValueKind::kNone &&
               value.state().ClassName() != "numpy.dtype";
      default:
        return value.state().kind() != ValueKind::kNone;
    }
  }

  void Push(Value value, size_t place) {
    if (IsOfInterest(value)) {
      stack_.push_back({value, place});
    }
  }
  void PushUnderKey(Value value, size_t parent, Value key) {
    if (IsOfInterest(value)) {
      places_.push_back({.parent = parent, .key = key});
      stack_.push_back({value, places_.size() - 1});
    }
  }
  void PushUnderPosition(Value value, size_t parent, size_t position) {
    if (IsOfInterest(value)) {
      places_.push_back({.parent = parent, .position = position});
      stack_.push_back({value, places_.size() - 1});
    }
  }
  void PushChildren(const Visit& visit);
  void PushDict(Value dict, size_t place);
  void PushAttributes(Value state, size_t place);
  void Record(const Visit& visit);

  size_t max_path_bytes_;
  std::vector<Place> places_;
  std::vector<Visit> stack_;  // what is to be visited, the next one last
  absl::flat_hash_set<ValueId> visited_;
  size_t path_bytes_ = 0;
  OpaqueObjects result_;
};

void Walk::PushDict(Value dict, size_t place) {
  for (size_t i = 0; i < dict.size(); ++i) {
    Push(dict.key(i), place);
    PushUnderKey(dict.value(i), place, dict.key(i));
  }
}

// A module's layers are found under their own names, without "_modules".
void Walk::PushAttributes(Value state, size_t place) {
  const bool is_module = state.Find("_parameters") && state.Find("_modules");
  if (!is_module) {
    Push(state, place);
    return;
  }
  for (size_t i = 0; i < state.size(); ++i) {
    const Value key = state.key(i);
    const bool holds_layers =
        key.kind() == ValueKind::kString &&
        (key.AsString() == "_parameters" || key.AsString() == "_buffers" ||
         key.AsString() == "_modules");
    if (holds_layers) {
      Push(state.value(i), place);
    } else {
      PushUnderKey(state.value(i), place, key);
    }
  }
}

void Walk::PushChildren(const Visit& visit) {
  const Value value = visit.value;
  switch (value.kind()) {
    case ValueKind::kDict:
      PushDict(value, visit.place);
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSet:
    case ValueKind::kOpaque:
      for (size_t i = 0; i < value.size(); ++i) {
        PushUnderPosition(value[i], visit.place, i);
      }
      break;
    default:
      break;
  }
  PushAttributes(value.state(), visit.place);
}

void Walk::Record(const Visit& visit) {
  std::vector<std::string> keys;
  size_t size = 0;
  for (size_t at = visit.place; at != kNoPlace; at = places_[at].parent) {
    const Place& place = places_[at];
    keys.push_back(place.key ? KeyName(*place.key)
                             : absl::StrCat(place.position));
    size += keys.back().size() + 1;
    if (path_bytes_ + size > max_path_bytes_) {
      result_.is_truncated = true;
      return;
    }
  }
  path_bytes_ += size;
  OpaqueObject object{.class_name = visit.value.ClassName()};
  for (size_t i = keys.size(); i-- > 0;) {
    absl::StrAppend(&object.path, keys[i], i > 0 ? "." : "");
  }
  result_.objects.push_back(std::move(object));
}

OpaqueObjects Walk::Run(Value root) {
  Push(root, kNoPlace);
  while (!stack_.empty() && !result_.is_truncated) {
    const Visit visit = stack_.back();
    stack_.pop_back();
    if (!visited_.insert(visit.value.id()).second) {
      continue;
    }
    if (visit.value.kind() == ValueKind::kOpaque) {
      Record(visit);
    }
    // The first child is to be visited next.
    const size_t first = stack_.size();
    PushChildren(visit);
    std::reverse(stack_.begin() + static_cast<std::ptrdiff_t>(first),
                 stack_.end());
  }
  return std::move(result_);
}

}  // namespace

OpaqueObjects FindOpaqueObjects(Value root, size_t max_path_bytes) {
  return Walk(max_path_bytes).Run(root);
}

}  // namespace hoist
