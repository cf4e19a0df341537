#ifndef HOIST_CHECKPOINT_COMPAT_NAME_PARTS_H_
#define HOIST_CHECKPOINT_COMPAT_NAME_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hoist {

// Names of tensors as parts between dots. Thread-safe, like all here.

// Whether a part counts layers: one to nine digits without a leading zero.
bool IsLayerNumber(absl::string_view part);

// Most names have one or two.
using LayerNumbers = absl::InlinedVector<int64_t, 4>;

// The name with `*` for each layer number, and these.
struct NameTemplate {
  std::string text;
  LayerNumbers numbers;
};
NameTemplate TemplateOf(absl::string_view name);

// Whether rules can be written of the name: letters, digits, and "_.-/: ",
// which no pattern takes for something else; at most eight layer numbers.
bool IsPlainName(absl::string_view name);

// The names of a template of plain ones, as a regular expression with a group
// for each number: "layers\.([0-9]+)\.weight"; not anchored.
std::string TemplateRegex(absl::string_view text);
// The template with references to groups from `first_group` on for its numbers:
// "layers.\1.weight".
std::string TemplateFill(absl::string_view text, int first_group = 1);
// The name with these numbers; as many as there are.
std::string TemplateName(absl::string_view text,
                         absl::Span<const int64_t> numbers);

// How many insertions, deletions, replacements and swaps of neighbours make one
// of the other; `limit` + 1 for more than `limit`.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_NAME_PARTS_H_
