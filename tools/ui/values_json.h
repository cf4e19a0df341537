#ifndef HOIST_TOOLS_UI_VALUES_JSON_H_
#define HOIST_TOOLS_UI_VALUES_JSON_H_

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/tensor.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// Adds a tensor's elements to `tensor`, its object in "hoist.inspect/1", as
// `values`: lists in lists as Python's tolist() gives them, a number for a
// scalar. NaN and infinities are "nan", "inf" and "-inf", a complex number is
// [real, imaginary]; null for a tensor without data. Where the tensor has more
// than kMaxElementsShownInFull elements, or they are packed, there is
// `values_omitted`, true, instead.
//
// `shown` holds the elements that ShownElements() chose, on the CPU; null if it
// chose none. Thread-safe.
void AddValues(const TensorEntry& entry, const Tensor* shown, Json& tensor);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_VALUES_JSON_H_
