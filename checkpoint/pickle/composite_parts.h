#ifndef HOIST_CHECKPOINT_PICKLE_COMPOSITE_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_COMPOSITE_PARTS_H_

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"

namespace hoist {

// Thread-safe for different `parts`, like all here.

// A layout of tensors by its name, "torch.sparse_coo", of which there are a few.
bool IsLayoutName(absl::string_view name);
void AddLayout(absl::string_view name, PickleParts& parts);

// An object that MakeCompositeTensor() has made, as PyTorch pickles the tensor
// that it stands for. False if `object` is none.
bool AddCompositeTensor(Value object, PickleParts& parts);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_COMPOSITE_PARTS_H_
