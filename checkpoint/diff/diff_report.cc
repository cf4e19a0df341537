#include "hoist/checkpoint/diff/diff_report.h"

namespace hoist {

absl::string_view DiffLevelName(DiffLevel level) {
  switch (level) {
    case DiffLevel::kStructure:
      return "structure";
    case DiffLevel::kBytes:
      return "bytes";
    case DiffLevel::kValues:
      return "values";
  }
  return "";
}

absl::string_view ElementsDiffName(ElementsDiff elements) {
  switch (elements) {
    case ElementsDiff::kSame:
      return "same";
    case ElementsDiff::kDifferent:
      return "different";
    case ElementsDiff::kNotRead:
      return "not_read";
    case ElementsDiff::kIncomparable:
      return "incomparable";
  }
  return "";
}

bool IsSame(const DiffReport& report) {
  return report.removed.empty() && report.added.empty() &&
         report.renamed.empty() && report.changed.empty() &&
         report.value_count == 0 && report.metadata.empty();
}

}  // namespace hoist
