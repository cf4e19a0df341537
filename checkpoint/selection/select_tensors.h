#ifndef HOIST_CHECKPOINT_SELECTION_SELECT_TENSORS_H_
#define HOIST_CHECKPOINT_SELECTION_SELECT_TENSORS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// Whether `pattern` means the tensor `name`: the name itself, a layer that it
// is in ("blocks.0" means "blocks.0.conv1.weight"), or a glob for one of the
// two with `*`, `?` and `[a-z]` as in a shell, where `*` also stands for dots
// ("*.bias", "blocks.[01]"). Thread-safe.
bool MatchesName(absl::string_view pattern, absl::string_view name);

// `catalog` with only those of its tensors that one of `patterns` means, in its
// order, and an empty dict for all else; storages keep their indices. No
// patterns mean all tensors. A pattern may end with an index as in Python
// ("fc.weight[0:4, -1]", "*.bias[::2]"), which takes a part of each tensor that
// is meant; SliceTensor() says how. A tensor or layer that has the brackets in
// its name comes first, an index of a name that is there second, and a glob
// third. A pattern that means no tensor is kNotFound, with the names that come
// closest as a hint; kInvalidArgument for an index that is none or does not
// fit.
//
// Those that one of `excluded` means, by their names in `catalog`, are left out
// whatever `patterns` say. An excluded name that is not there is kNotFound, as
// nobody wants to load what they mistyped; an excluded glob may mean nothing,
// so that "*.bias" fits any model; an excluded index is kInvalidArgument.
// kNotFound too if nothing is left of the tensors. Thread-safe.
absl::StatusOr<Catalog> SelectTensors(
    const Catalog& catalog, absl::Span<const std::string> patterns,
    absl::Span<const std::string> excluded = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SELECTION_SELECT_TENSORS_H_
