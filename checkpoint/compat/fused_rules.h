#ifndef HOIST_CHECKPOINT_COMPAT_FUSED_RULES_H_
#define HOIST_CHECKPOINT_COMPAT_FUSED_RULES_H_

#include "hoist/checkpoint/compat/rule_draft.h"

namespace hoist {

// Adds rules that split one tensor of the file into several of the target, or
// join several into one: query, key and value; key and value; gate and up.
// They are known by their names, which say what lies behind what, and by sizes
// that add up. Where the name of the one is of models that mix the parts head
// by head (query_key_value), none is added, with a note. A fused tensor that is
// transposed (GPT-2's c_attn) is transposed first.
void AddFusedRules(RuleDraft& draft);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_FUSED_RULES_H_
