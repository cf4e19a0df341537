#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_FINISH_CATALOG_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_FINISH_CATALOG_H_

#include <memory>

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"

namespace hoist {

// What the readers of PyTorch's formats before 1.6 do last: fills in tensors
// and values of `catalog`, whose files and storages are there, from the pickle
// that `vocabulary` read into `graph`, and validates it. Errors are those of
// RebuildOldTensors(), NameTensors() and ValidateCatalog().
absl::Status FinishCatalog(std::shared_ptr<ValueGraph> graph, ValueId root,
                           TorchVocabulary& vocabulary, Catalog& catalog);

// Attaches what to do about an error in a file of these formats, unless it
// says so already.
absl::Status WithOldFormatHint(const absl::Status& status);

// The entries of the dict sys_info that both formats begin with: its numbers
// and flags. Nothing if it is something else: PyTorch does not read it either.
void AddSysInfo(Value sys_info, Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_LEGACY_FINISH_CATALOG_H_
