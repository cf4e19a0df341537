#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_OLD_FORMATS_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_OLD_FORMATS_H_

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What the readers of PyTorch's formats before 1.6 share. Thread-safe.

// Attaches what to do about an error in a file of these formats, unless it
// says so already.
absl::Status WithOldFormatHint(const absl::Status& status);

// The entries of the dict sys_info that both formats begin with: its numbers
// and flags. Nothing if it is something else: PyTorch does not read it either.
void AddSysInfo(Value sys_info, Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_OLD_FORMATS_H_
