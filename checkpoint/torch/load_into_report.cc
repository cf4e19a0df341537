#include "hoist/checkpoint/torch/load_into_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/status/annotate.h"

namespace hoist::libtorch {
namespace {

constexpr size_t kShown = 5;

std::string Names(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kShown);
  std::string text = absl::StrJoin(
      names.begin(), names.begin() + static_cast<ptrdiff_t>(shown), ", ");
  if (names.size() > shown) {
    absl::StrAppend(&text, " and ", names.size() - shown, " more");
  }
  return text;
}

}  // namespace

LoadMismatch TiedMismatch(const std::string& name, const std::string& tied_to) {
  return {.kind = LoadMismatch::Kind::kTied,
          .name = name,
          .detail = absl::StrCat("tied to ", tied_to,
                                 " in the module, and other numbers in the "
                                 "file")};
}

absl::Status FitStatus(const LoadIntoReport& report, bool strict) {
  if (report.Fits(strict)) {
    return absl::OkStatus();
  }
  std::vector<std::string> parts;
  for (size_t i = 0; i < std::min(report.mismatched.size(), kShown); ++i) {
    parts.push_back(absl::StrCat(report.mismatched[i].name, ": ",
                                 report.mismatched[i].detail));
  }
  if (report.mismatched.size() > kShown) {
    parts.push_back(
        absl::StrCat(report.mismatched.size() - kShown, " more do not fit"));
  }
  if (strict && !report.missing.empty()) {
    parts.push_back(
        absl::StrCat(report.missing.size(),
                     " missing in the checkpoint: ", Names(report.missing)));
  }
  if (strict && !report.unexpected.empty()) {
    parts.push_back(absl::StrCat(
        report.unexpected.size(),
        " unexpected in the checkpoint: ", Names(report.unexpected)));
  }
  return WithHint(absl::FailedPreconditionError(absl::StrCat(
                      "The checkpoint does not fit, and nothing was loaded: ",
                      absl::StrJoin(parts, "; "))),
                  report.hint);
}

}  // namespace hoist::libtorch
