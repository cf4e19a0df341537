#ifndef HOIST_CHECKPOINT_DIFF_FIND_RENAMES_H_
#define HOIST_CHECKPOINT_DIFF_FIND_RENAMES_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/diff/diff_report.h"

namespace hoist {

// Turns entries of `removed` and `added` that have one key into entries of
// `renamed`, and keeps that in the order of A: of several that could be meant,
// the one whose name ends most alike. A key says all that is to be the same; it
// is empty for a tensor of which that is not known. Keys are parallel to
// `removed` and `added`. Thread-compatible.
void FindRenames(const Catalog& a, const Catalog& b,
                 absl::Span<const std::string> removed_keys,
                 absl::Span<const std::string> added_keys, DiffReport& report);

// The part of a key that says of what form a tensor is. Thread-safe.
std::string FormKey(const TensorEntry& tensor);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_FIND_RENAMES_H_
