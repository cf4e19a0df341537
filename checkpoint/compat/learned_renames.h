#ifndef HOIST_CHECKPOINT_COMPAT_LEARNED_RENAMES_H_
#define HOIST_CHECKPOINT_COMPAT_LEARNED_RENAMES_H_

#include "hoist/checkpoint/compat/rule_draft.h"

namespace hoist {

// Adds renames for names that are neither of known wrappers nor of known
// endings. Names of the file and of the target that differ only in layer
// numbers are one group each; two groups can be one another's if they have the
// same layers, each with the same shapes (or transposed, or with other
// dimensions of size 1). They are, if neither could be any other's, or if their
// names are clearly nearer to each other than to any other's; else none is
// chosen, with a note. As few rules as do it: one for all groups whose names
// differ in the same parts.
void AddLearnedRenames(RuleDraft& draft);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_LEARNED_RENAMES_H_
