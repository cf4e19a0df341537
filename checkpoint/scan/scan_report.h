#ifndef HOIST_CHECKPOINT_SCAN_SCAN_REPORT_H_
#define HOIST_CHECKPOINT_SCAN_SCAN_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hoist/checkpoint/scan/global_classes.h"

namespace hoist {

// A name that a pickle imports. Texts are as in the file: not safe to show.
struct ScanFinding {
  // Of which archive member, "outer.zip/inner" in nested ones; empty for the
  // file itself.
  std::string member;
  uint64_t position = 0;  // in bytes, from the start of the member
  std::string module;
  std::string name;
  GlobalClass global_class = GlobalClass::kUnknown;
};

// Something that could not be read, or that readers may see in another way.
struct ScanProblem {
  std::string member;
  std::string message;
};

struct ScanReport {
  // Each name once for a member, where it is first.
  std::vector<ScanFinding> findings;
  std::vector<ScanProblem> problems;

  // All that is in the file was seen.
  bool is_complete() const { return problems.empty(); }
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_SCAN_REPORT_H_
