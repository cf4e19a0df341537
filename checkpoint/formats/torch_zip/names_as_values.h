#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_NAMES_AS_VALUES_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_NAMES_AS_VALUES_H_

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// The catalog's tensors by name, in an OrderedDict, as its root: for one that
// has no values to speak of, and for a program's. Quantized ones with how they
// are, and sparse ones in place of their parts, as the values there were say;
// tensors that no state dict has are left out. Thread-safe.
Catalog WithNamesAsValues(const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_NAMES_AS_VALUES_H_
