#ifndef HOIST_CHECKPOINT_STORE_STEP_NAME_H_
#define HOIST_CHECKPOINT_STORE_STEP_NAME_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// What the name of a file or folder says of the checkpoint in it.
struct StepName {
  std::optional<int64_t> step;  // not all names have one
  // Numbers that Lightning puts into names: "val_loss" -> 0.25.
  std::map<std::string, double> metrics;
};

// Reads names that checkpoints have: "step-1200.hoist", "checkpoint-500",
// "global_step0500", "iter_7", "ckpt_3.pt", "00100", Lightning's
// "epoch=2-step=1200-val_loss=0.25.ckpt" and "last.ckpt". Zeros before a
// number mean nothing. nullopt for all others, also those that begin with a
// dot. Thread-safe.
std::optional<StepName> ParseStepName(absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_STEP_NAME_H_
