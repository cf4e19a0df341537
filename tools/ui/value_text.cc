#include "hoist/tools/ui/value_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"

namespace hoist {
namespace {

// To write a number of a million bits in decimal takes long.
constexpr size_t kMaxShownIntBytes = 64;

bool IsScalar(ValueKind kind) { return kind <= ValueKind::kString; }

std::string ScalarText(Value value, size_t max_width) {
  switch (value.kind()) {
    case ValueKind::kString:
      return absl::StrCat("\"", DisplayText(value.AsString(), max_width), "\"");
    case ValueKind::kBigInt:
      if (value.AsString().size() > kMaxShownIntBytes) {
        return absl::StrCat("int of ", value.AsString().size() * 8, " bits");
      }
      [[fallthrough]];
    default:
      return DisplayText(ValueText(value), max_width);
  }
}

// Keys of a dict, or items, as long as they are short and simple.
std::string Preview(Value value, size_t max_width) {
  const bool is_dict = value.kind() == ValueKind::kDict;
  std::string text;
  for (size_t i = 0; i < value.size(); ++i) {
    const Value item = is_dict ? value.key(i) : value[i];
    if (!IsScalar(item.kind())) {
      return text.empty() ? "" : text + ", ...";
    }
    const std::string shown = is_dict ? DisplayText(KeyName(item), max_width)
                                      : ScalarText(item, max_width);
    if (DisplayWidth(text) + DisplayWidth(shown) > max_width) {
      return text + (text.empty() ? "..." : ", ...");
    }
    absl::StrAppend(&text, i > 0 ? ", " : "", shown);
  }
  return text;
}

}  // namespace

std::string KeyName(Value key) {
  if (key.kind() == ValueKind::kBigInt &&
      key.AsString().size() > kMaxShownIntBytes) {
    return absl::StrCat("int of ", key.AsString().size() * 8, " bits");
  }
  return ValueText(key);
}

std::string ShortValueText(Value value, size_t max_width) {
  switch (value.kind()) {
    case ValueKind::kBytes:
      return absl::StrCat("bytes, ", HumanBytes(value.AsString().size()));
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSet:
    case ValueKind::kDict: {
      const std::string start = absl::StrCat(
          DisplayText(value.ClassName(), max_width), "(", value.size(), ")");
      const size_t width = DisplayWidth(start) + 2;
      const std::string preview =
          width + 8 < max_width ? Preview(value, max_width - width) : "";
      return absl::StrCat(start, preview.empty() ? "" : ": ", preview);
    }
    case ValueKind::kTensor:
      return "tensor";
    case ValueKind::kStorage:
      return "storage";
    case ValueKind::kClass:
      return absl::StrCat("class ", DisplayText(value.AsString(), max_width));
    case ValueKind::kOpaque:
      return absl::StrCat(DisplayText(value.ClassName(), max_width), " object");
    default:
      return ScalarText(value, max_width);
  }
}

}  // namespace hoist
