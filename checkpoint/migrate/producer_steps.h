#ifndef HOIST_CHECKPOINT_MIGRATE_PRODUCER_STEPS_H_
#define HOIST_CHECKPOINT_MIGRATE_PRODUCER_STEPS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/migrate/producer_modules.h"

namespace hoist {

// Something that PyTorch changed in the state dicts of its modules.
struct ProducerStep {
  absl::string_view name;     // "batch_norm_num_batches_tracked"
  absl::string_view classes;  // "BatchNorm1d, BatchNorm2d, ..."
  // The `_version` of the class that has the step behind it; 0 where versions
  // do not tell.
  int64_t to_version = 0;
  absl::string_view release;  // of PyTorch, the first with the change
  absl::string_view summary;  // one line
  // False where a state dict does not say whether the class that will load it
  // wants it so: done only where it is asked for by name.
  bool by_default = false;
  // Whether a tensor is like one that each module has to which the step
  // applies: without any, no modules have to be put together.
  bool (*is_sign)(const TensorEntry& tensor) = nullptr;
  // Whether the step has something to do for a module as it is.
  bool (*applies)(const ProducerModule& module) = nullptr;
  // Does it. Null where only PyTorch can, because it computes with what the
  // class was made with.
  absl::Status (*apply)(const ProducerModule& module,
                        ModuleEditor& editor) = nullptr;
};

// All of them, in the order they are done. Thread-safe.
absl::Span<const ProducerStep> ProducerSteps();

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_PRODUCER_STEPS_H_
