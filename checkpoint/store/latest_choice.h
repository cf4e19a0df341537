#ifndef HOIST_CHECKPOINT_STORE_LATEST_CHOICE_H_
#define HOIST_CHECKPOINT_STORE_LATEST_CHOICE_H_

#include <optional>
#include <string>

#include "absl/types/span.h"
#include "hoist/checkpoint/store/store_records.h"
#include "hoist/checkpoint/store/stored_step.h"

namespace hoist {

struct LatestChoice {
  int index = -1;       // of the step; -1 if none is committed
  std::string warning;  // why it is not what the record says; may be empty
};

// Which of `steps` a training goes on from: the one that `record` names, if it
// is committed, be there higher steps of an older run or not; but one that is
// both higher and newer was saved after the record, which its writer had no
// time to change. Without a good record the highest step that is committed.
// Thread-safe.
LatestChoice ChooseLatest(absl::Span<const StoredStep> steps,
                          const std::optional<LatestRecord>& record);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_LATEST_CHOICE_H_
