#include "hoist/checkpoint/verify/verify_report.h"

#include <algorithm>

namespace hoist {

absl::string_view VerifyLevelName(VerifyLevel level) {
  switch (level) {
    case VerifyLevel::kStructure:
      return "structure";
    case VerifyLevel::kChecksum:
      return "checksum";
    case VerifyLevel::kValues:
      break;
  }
  return "values";
}

std::optional<VerifyLevel> VerifyLevelFromName(absl::string_view name) {
  for (const VerifyLevel level :
       {VerifyLevel::kStructure, VerifyLevel::kChecksum,
        VerifyLevel::kValues}) {
    if (VerifyLevelName(level) == name) {
      return level;
    }
  }
  return std::nullopt;
}

int64_t BadTensorCount(const VerifyReport& report) {
  return std::count_if(report.tensors.begin(), report.tensors.end(),
                       [](const VerifyReport::Tensor& tensor) {
                         return tensor.values && !tensor.values->is_finite();
                       });
}

absl::string_view VerifyVerdictName(VerifyVerdict verdict) {
  switch (verdict) {
    case VerifyVerdict::kGood:
      return "good";
    case VerifyVerdict::kDamaged:
      return "damaged";
    case VerifyVerdict::kIncomplete:
      break;
  }
  return "incomplete";
}

VerifyVerdict VerdictOf(const VerifyReport& report, bool is_strict) {
  if (!report.damages.empty() || BadTensorCount(report) > 0) {
    return VerifyVerdict::kDamaged;
  }
  return is_strict && !report.not_possible.empty() ? VerifyVerdict::kIncomplete
                                                   : VerifyVerdict::kGood;
}

}  // namespace hoist
