#ifndef HOIST_CHECKPOINT_SCAN_DANGEROUS_NAMES_H_
#define HOIST_CHECKPOINT_SCAN_DANGEROUS_NAMES_H_

#include "absl/strings/string_view.h"

namespace hoist {

// Whether `name` of `module`, in any spelling, is known to let a pickle run
// code, or reach files, programs or a network. Thread-safe.
bool IsDangerousGlobal(absl::string_view module, absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_DANGEROUS_NAMES_H_
