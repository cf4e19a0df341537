#ifndef HOIST_CHECKPOINT_PICKLE_TENSOR_NAMES_H_
#define HOIST_CHECKPOINT_PICKLE_TENSOR_NAMES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

struct NamingLimits {
  // Places looked at: a value that is in two lists is looked at twice.
  size_t max_visits = 20'000'000;
  // Entries for each item or attribute in the values, besides the first 10,000:
  // what holds tensors may be in many places, and that in many again.
  size_t max_entries_per_item = 16;
  // Entries, and bytes of the names of all tensors and modules together; as
  // many of the keys that are looked at.
  size_t max_entries = size_t{1} << 20;
  size_t max_name_bytes = size_t{1} << 28;
};

// Where a value is: item `item` of what `holder` has as its data (a dict: key,
// value, key, value, ...). kNoneId where it is no item of anything, as the
// root.
struct ValuePlace {
  ValueId holder = ValueGraph::kNoneId;
  size_t item = 0;

  friend bool operator==(const ValuePlace&, const ValuePlace&) = default;
};

// Names the tensors that can be reached from `root` through dicts, lists,
// tuples and objects, depth first: the keys joined with "." (Catalog's rule),
// the attributes of an object or of a tensor like the keys of a dict. A pickled
// torch.nn.Module is walked as its state_dict() does: `_parameters`, `_buffers`
// (those that are not persistent marked), `_modules`. What else its attributes
// hold, and has no entry by then, comes last, and is marked as well.
//
// The kTensor values index `unnamed`, no two of them the same, or are -1 and
// stay so: those that had no entry when they were named before. Afterwards each
// is the index of the first entry for it in the result, or -1 if it has none. A
// tensor in two places has two entries. Takes collections that contain
// themselves as empty there. `places`, if not null, becomes where each entry
// is. kResourceExhausted where `limits` are exceeded. Thread-compatible.
absl::StatusOr<std::vector<TensorEntry>> NameTensors(
    ValueGraph& graph, ValueId root, std::vector<TensorEntry> unnamed,
    const NamingLimits& limits = {}, std::vector<ValuePlace>* places = nullptr);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_TENSOR_NAMES_H_
