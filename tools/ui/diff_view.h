#ifndef HOIST_TOOLS_UI_DIFF_VIEW_H_
#define HOIST_TOOLS_UI_DIFF_VIEW_H_

#include <string>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/diff/diff_report.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// One of two checkpoints that were compared, as the user named it.
struct DiffSide {
  const std::string& path;
  const Catalog& catalog;
};

// How B differs from A: both in a line each, the verdict, then what was
// removed, added, renamed and changed, of each kind the first fifty; names that
// changed alike together. Safe to show. Thread-safe.
std::string DiffView(const DiffReport& report, const DiffSide& a,
                     const DiffSide& b, const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_DIFF_VIEW_H_
