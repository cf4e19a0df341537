#include "hoist/checkpoint/compat/find_rules.h"

#include <algorithm>

#include "hoist/checkpoint/compat/fused_rules.h"
#include "hoist/checkpoint/compat/layer_rules.h"
#include "hoist/checkpoint/compat/learned_renames.h"
#include "hoist/checkpoint/compat/prefix_rules.h"
#include "hoist/checkpoint/compat/rule_draft.h"
#include "hoist/checkpoint/compat/shape_rules.h"

namespace hoist {

RuleSearch FindRules(absl::Span<const TensorOutline> file,
                     absl::Span<const TensorOutline> target,
                     const std::vector<std::string>& envelopes) {
  RuleSearch search;
  search.match = MatchStateDict(file, target);
  if (search.match.fits() && search.match.dtypes.empty()) {
    search.tensors.assign(file.begin(), file.end());
    return search;
  }
  RuleDraft draft(file, target);
  AddPrefixRules(envelopes, draft);
  AddKnownNameRules(draft);
  AddLayerRules(draft);
  AddFusedRules(draft);
  // What the rest is called is no question before that.
  if (draft.notes().empty() ||
      draft.notes().front().first != CompatIssue::kAmbiguous) {
    AddLearnedRenames(draft);
  }
  AddShapeRules(draft);
  AddLeftoverRules(draft);
  AddCastRules(draft);
  search.match = MatchStateDict(draft.tensors(), target);
  search.notes = draft.notes();
  search.rules = draft.TakeRules();
  search.tensors = draft.TakeTensors();
  std::sort(search.notes.begin(), search.notes.end());
  search.notes.erase(std::unique(search.notes.begin(), search.notes.end()),
                     search.notes.end());
  return search;
}

}  // namespace hoist
