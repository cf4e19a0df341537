#ifndef HOIST_CHECKPOINT_SCAN_GLOBAL_CLASSES_H_
#define HOIST_CHECKPOINT_SCAN_GLOBAL_CLASSES_H_

#include "absl/strings/string_view.h"

namespace hoist {

// What it means that a pickle has its reader import a name.
enum class GlobalClass {
  kHarmless,   // checkpoints name it, and it only makes data
  kUnknown,    // on neither list: as harmful as the code that it names
  kDangerous,  // lets a pickle run code, or reach files, programs or a network
};

// "harmless", "unknown", "dangerous".
absl::string_view GlobalClassName(GlobalClass global_class);

// The class of `name` in `module`, both spelled as in Python 2 or 3. A dotted
// name, which reaches through attributes, is never harmless; nor is a name in a
// harmless module by that alone. Thread-safe.
GlobalClass ClassifyGlobal(absl::string_view module, absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_GLOBAL_CLASSES_H_
