#ifndef HOIST_CHECKPOINT_COMPAT_SHAPE_RULES_H_
#define HOIST_CHECKPOINT_COMPAT_SHAPE_RULES_H_

#include "hoist/checkpoint/compat/rule_draft.h"

namespace hoist {

// Adds rules for tensors whose names fit and whose shapes do not: transposed
// matrices, and shapes that differ in dimensions of size 1. Where matrices are
// transposed, so may square ones be, which no shape shows: those are whose
// module has the name of one that is; if there are others, none is chosen, with
// a note.
void AddShapeRules(RuleDraft& draft);

// Adds casts to the target's dtypes, where no number is lost but to rounding:
// between floating-point types, and from integers to wider ones.
void AddCastRules(RuleDraft& draft);

// Adds rules for what is left: drops what is known to be no weights of a model
// (an optimizer's state, position ids, masks), adds num_batches_tracked where
// only that is missing of a batch norm. Nothing that may be a weight is dropped
// or made.
void AddLeftoverRules(RuleDraft& draft);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_SHAPE_RULES_H_
