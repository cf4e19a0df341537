#ifndef HOIST_CHECKPOINT_COMPAT_COMPAT_REPORT_H_
#define HOIST_CHECKPOINT_COMPAT_COMPAT_REPORT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "hoist/checkpoint/compat/compat_side.h"
#include "hoist/checkpoint/compat/find_rules.h"

namespace hoist {

// Something that is the matter, in one sentence with names in it.
struct CompatFinding {
  CompatIssue issue = CompatIssue::kMissing;
  std::string text;
  size_t tensors = 0;
  // By a rule of the search, or because a load does it.
  bool is_mended = false;
};

// Whether a state dict fits, why not, and what would make it fit.
struct CompatReport {
  StateDictMatch match;  // of the file as it is
  RuleSearch search;     // no rules where it fits as it is
  std::vector<CompatFinding> findings;
  // What of the target it was compared with; empty for all.
  std::string target_part;

  bool fits() const { return match.fits(); }
  // Whether it does after the rules.
  bool can_fit() const { return search.match.fits(); }
};

// Compares without payload. If the target is a training checkpoint, and not
// another one is to fit it, with the state dict in it. Rules are sought also
// where only dtypes differ. Takes time nearly in proportion to the names.
// Thread-safe.
CompatReport CompareSides(const CompatSide& file, const CompatSide& target);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_COMPAT_REPORT_H_
