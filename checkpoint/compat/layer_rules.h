#ifndef HOIST_CHECKPOINT_COMPAT_LAYER_RULES_H_
#define HOIST_CHECKPOINT_COMPAT_LAYER_RULES_H_

#include "hoist/checkpoint/compat/rule_draft.h"

namespace hoist {

// Adds rules for layers that have other numbers in the target: counted from
// another start, or with gaps (those of layers without tensors) that the other
// has not. Only where there are as many layers, and each has the names and the
// shapes of the one in its place: what else could be meant then would have them
// out of order. Where there are more layers on one side, adds a note.
void AddLayerRules(RuleDraft& draft);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_LAYER_RULES_H_
