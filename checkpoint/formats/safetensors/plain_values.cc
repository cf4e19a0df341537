#include "hoist/checkpoint/formats/safetensors/plain_values.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoist {
namespace {

struct Place {
  ValueId id;
  std::string name;
  bool is_entry_of_root = false;
};

bool IsPlain(ValueKind kind) {
  switch (kind) {
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kBigInt:
    case ValueKind::kFloat:
    case ValueKind::kString:
      return true;
    default:
      return false;
  }
}

std::string Joined(absl::string_view prefix, absl::string_view key) {
  return prefix.empty() ? std::string(key) : absl::StrCat(prefix, ".", key);
}

// The places inside of one, the last first.
std::vector<Place> Inside(const Place& place, Value value, bool is_root) {
  std::vector<Place> inside;
  if (value.state().kind() == ValueKind::kDict &&
      value.kind() == ValueKind::kDict) {
    for (size_t i = value.state().size(); i-- > 0;) {
      inside.push_back({value.state().value(i).id(),
                        Joined(place.name, ValueText(value.state().key(i)))});
    }
  }
  for (size_t i = value.size(); i-- > 0;) {
    if (value.kind() != ValueKind::kDict) {
      inside.push_back({value[i].id(), Joined(place.name, absl::StrCat(i))});
      continue;
    }
    const Value key = value.key(i);
    inside.push_back({value.value(i).id(), Joined(place.name, ValueText(key)),
                      is_root && key.kind() == ValueKind::kString});
  }
  return inside;
}

}  // namespace

PlainValues FindPlainValues(const Catalog& catalog) {
  PlainValues found;
  if (catalog.values == nullptr) {
    return found;
  }
  std::vector<bool> seen(catalog.values->size(), false);
  std::vector<Place> pending = {{catalog.root_id, ""}};
  while (!pending.empty()) {
    const Place place = std::move(pending.back());
    pending.pop_back();
    const Value value(catalog.values.get(), place.id);
    switch (value.kind()) {
      case ValueKind::kNone:
      case ValueKind::kTensor:
        continue;
      case ValueKind::kDict:
      case ValueKind::kList:
      case ValueKind::kTuple:
        if (!seen[place.id]) {
          seen[place.id] = true;
          for (Place& inner :
               Inside(place, value, place.id == catalog.root_id)) {
            pending.push_back(std::move(inner));
          }
        }
        continue;
      default:
        break;
    }
    if (IsPlain(value.kind()) && place.is_entry_of_root) {
      found.texts.emplace_back(place.name, ValueText(value));
    } else if (value.kind() == ValueKind::kOpaque) {
      found.others.push_back(
          absl::StrCat(place.name, " (", value.ClassName(), ")"));
    } else {
      found.others.push_back(place.name);
    }
  }
  return found;
}

}  // namespace hoist
