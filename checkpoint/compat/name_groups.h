#ifndef HOIST_CHECKPOINT_COMPAT_NAME_GROUPS_H_
#define HOIST_CHECKPOINT_COMPAT_NAME_GROUPS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/compat/name_parts.h"
#include "hoist/checkpoint/compat/tensor_outline.h"

namespace hoist {

// Tensors whose names are alike but for layer numbers.
struct NameGroup {
  struct Member {
    LayerNumbers numbers;
    absl::InlinedVector<int64_t, 4> shape;
  };
  std::string text;             // the template
  std::vector<Member> members;  // by numbers, which are there once
};

// The groups of those of `which`, indices, that have plain names, in the order
// of the first of each. Of several tensors of one name the last one counts.
// Thread-safe.
std::vector<NameGroup> GroupsByTemplate(absl::Span<const TensorOutline> tensors,
                                        const std::vector<size_t>& which);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_NAME_GROUPS_H_
