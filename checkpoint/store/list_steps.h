#ifndef HOIST_CHECKPOINT_STORE_LIST_STEPS_H_
#define HOIST_CHECKPOINT_STORE_LIST_STEPS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/store/latest_choice.h"
#include "hoist/checkpoint/store/store_records.h"
#include "hoist/checkpoint/store/stored_step.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// What a checkpoint is, as far as its structure tells.
struct Examined {
  std::string format;           // as of FormatName()
  std::optional<int64_t> step;  // that the checkpoint itself names
};

// Tells what is at a path: kDataLoss for a damaged checkpoint, other errors for
// what is none or is not known.
using ExamineFunction =
    std::function<absl::StatusOr<Examined>(const std::string& path)>;

// By Checkpoint::Open(): reads no tensors.
absl::StatusOr<Examined> ExamineCheckpoint(const std::string& path);

struct StoreListing {
  // In numeric order of steps; of equal ones the older first.
  std::vector<StoredStep> steps;
  std::optional<LatestRecord> latest_record;  // as it is written
  LatestChoice latest;                        // an index into steps
  std::vector<std::string> warnings;
};

// What checkpoints there are in a folder, be it of Hoist's own, or Lightning's,
// Trainer's, or of torch.distributed.checkpoint: only names that
// ParseStepName() reads are looked at. Those of torch.distributed.checkpoint
// are committed by their ".metadata", Trainer's by "trainer_state.json", and
// all by what `examine` says. Blocks. Errors are those of listing the folder.
absl::StatusOr<StoreListing> ListSteps(FileSystem& file_system,
                                       const std::string& folder,
                                       const ExamineFunction& examine);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_LIST_STEPS_H_
