#ifndef HOIST_TOOLS_UI_CHECKPOINTS_VIEW_H_
#define HOIST_TOOLS_UI_CHECKPOINTS_VIEW_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/store/checkpoint_store.h"
#include "hoist/checkpoint/store/list_steps.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// "committed", "incomplete", "damaged", "unreadable".
absl::string_view StepStateName(StoredStep::State state);

// The checkpoints of a folder, a line each, then warnings. Safe to show.
// Thread-safe, like all here.
std::string CheckpointsView(const StoreListing& listing,
                            const Terminal& terminal);

// What was removed, or would be, and why the others are kept.
std::string PruneView(const PruneReport& report, bool is_dry_run,
                      const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_CHECKPOINTS_VIEW_H_
