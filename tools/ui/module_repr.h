#ifndef HOIST_TOOLS_UI_MODULE_REPR_H_
#define HOIST_TOOLS_UI_MODULE_REPR_H_

#include <string>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// Whether a value is a pickled torch.nn.Module: an object with `_parameters`,
// `_buffers` and `_modules`. Thread-safe.
bool IsModule(Value value);

// A pickled module as Python's print(model) shows it: names, classes, and for
// the classes of torch.nn what they were made with. Lines end with "\n", the
// last too. What nests deeper or is longer than people read is "...". Safe to
// show. Thread-safe.
std::string ModuleRepr(Value module);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_MODULE_REPR_H_
