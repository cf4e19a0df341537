#ifndef HOIST_CHECKPOINT_COMPAT_FIND_RULES_H_
#define HOIST_CHECKPOINT_COMPAT_FIND_RULES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/compat/compat_rule.h"
#include "hoist/checkpoint/compat/state_dict_match.h"
#include "hoist/checkpoint/compat/tensor_outline.h"

namespace hoist {

// What would make the tensors of a file those of a target.
struct RuleSearch {
  std::vector<CompatRule> rules;       // to be done in this order
  std::vector<TensorOutline> tensors;  // the file's, after them
  StateDictMatch match;                // of these and the target's
  // What could be meant in several ways, or was chosen among some: sentences
  // with names in them.
  std::vector<std::pair<CompatIssue, std::string>> notes;
};

// Finds few rules by names, shapes and order, step by step: starts of names,
// known endings, layer numbers, fused tensors, other names, shapes, leftovers,
// dtypes. What could be one thing or another is not guessed at. The rules may
// not be enough: see match. `envelopes`: the starts of names ("state_dict.")
// that are keys of dicts in the file. Takes time nearly in proportion to the
// names. Thread-safe.
RuleSearch FindRules(absl::Span<const TensorOutline> file,
                     absl::Span<const TensorOutline> target,
                     const std::vector<std::string>& envelopes = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_FIND_RULES_H_
