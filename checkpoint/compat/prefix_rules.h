#ifndef HOIST_CHECKPOINT_COMPAT_PREFIX_RULES_H_
#define HOIST_CHECKPOINT_COMPAT_PREFIX_RULES_H_

#include <string>
#include <vector>

#include "hoist/checkpoint/compat/rule_draft.h"

namespace hoist {

// Adds rules for what wrappers and envelopes put into names (specs:
// pytorch-formats.md 10.3): parts such as `_orig_mod` inside names, which the
// target does not have, go; names that fit but for how they start get the
// target's start. `envelopes` are the starts ("state_dict.") that are keys of
// dicts in the file, for the words that say so. Where two starts fit equally
// well the one that is known as the model's own is taken, with a note of the
// other; if that does not decide, none is.
void AddPrefixRules(const std::vector<std::string>& envelopes,
                    RuleDraft& draft);

// Adds rules for endings that PyTorch or a library has renamed: gamma and beta
// of layer norms, weight_g and weight_v of weight norms, and the like.
void AddKnownNameRules(RuleDraft& draft);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_PREFIX_RULES_H_
