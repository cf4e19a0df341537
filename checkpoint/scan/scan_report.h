#ifndef HOIST_CHECKPOINT_SCAN_SCAN_REPORT_H_
#define HOIST_CHECKPOINT_SCAN_SCAN_REPORT_H_

#include <algorithm>
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

  bool has(GlobalClass global_class) const {
    return std::any_of(findings.begin(), findings.end(),
                       [global_class](const ScanFinding& finding) {
                         return finding.global_class == global_class;
                       });
  }
};

// What to make of a report. In this order, the worse of several files' counts.
enum class ScanVerdict {
  kClean,
  kIncomplete,  // nothing dangerous was seen, but not all was
  kDangerous,
};

// `is_strict` takes unknown names for dangerous ones.
inline ScanVerdict VerdictOf(const ScanReport& report, bool is_strict) {
  if (report.has(GlobalClass::kDangerous) ||
      (is_strict && report.has(GlobalClass::kUnknown))) {
    return ScanVerdict::kDangerous;
  }
  return report.is_complete() ? ScanVerdict::kClean : ScanVerdict::kIncomplete;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_SCAN_REPORT_H_
