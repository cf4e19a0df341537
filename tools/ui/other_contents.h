#ifndef HOIST_TOOLS_UI_OTHER_CONTENTS_H_
#define HOIST_TOOLS_UI_OTHER_CONTENTS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/tools/ui/tensor_row.h"

namespace hoist {

// Indices of tensors, in the order of the catalog.
struct TensorsByUse {
  std::vector<int> model;
  std::vector<int> optimizer;
};

// Tells a model's tensors from those that torch.optim keeps: all in a dict with
// the entries `state` and `param_groups`. Thread-safe.
TensorsByUse SortByUse(const Catalog& catalog);

// Something in a checkpoint besides the model's tensors; both parts are safe to
// show.
struct ContentLine {
  std::string name;
  std::string text;
};

// The entries of the root without those that hold the model's tensors.
// `rows` and `use` are the catalog's. Thread-safe.
std::vector<ContentLine> OtherContents(const Catalog& catalog,
                                       absl::Span<const TensorRow> rows,
                                       const TensorsByUse& use);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_OTHER_CONTENTS_H_
