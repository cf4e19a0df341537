#ifndef HOIST_CHECKPOINT_COMPAT_NAME_PARTS_H_
#define HOIST_CHECKPOINT_COMPAT_NAME_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoist {

// Names of tensors as parts between dots. Thread-safe, like all here.

// Whether a part counts layers: one to nine digits without a leading zero.
bool IsLayerNumber(absl::string_view part);

// The name with `*` for each layer number, and these.
struct NameTemplate {
  std::string text;
  std::vector<int64_t> numbers;
};
NameTemplate TemplateOf(absl::string_view name);

// How many insertions, deletions, replacements and swaps of neighbours make one
// of the other; `limit` + 1 for more than `limit`.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_NAME_PARTS_H_
