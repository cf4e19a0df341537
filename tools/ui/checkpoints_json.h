#ifndef HOIST_TOOLS_UI_CHECKPOINTS_JSON_H_
#define HOIST_TOOLS_UI_CHECKPOINTS_JSON_H_

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/store/checkpoint_store.h"
#include "hoist/checkpoint/store/list_steps.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

// One checkpoint, as all schemas below have it.
Json StepJson(const StoredStep& step, absl::string_view folder);

// The listing of a folder as "hoist.checkpoints/1". Thread-safe, like all here.
Json CheckpointsJson(const StoreListing& listing, absl::string_view folder);

// What was pruned, or would be, as "hoist.prune/1".
Json PruneJson(const PruneReport& report, bool is_dry_run,
               absl::string_view folder);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_CHECKPOINTS_JSON_H_
