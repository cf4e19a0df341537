#include "hoist/tools/ui/plan_report.h"

#include <algorithm>
#include <cstddef>

#include "hoist/core/io/read_method.h"

namespace hoist {

PlanReport ReportPlan(const Catalog& catalog, const PlannedLoad& planned,
                      const LoadOptions& options) {
  PlanReport report = {
      .device = options.device,
      .tensor_count = std::count_if(
          catalog.tensors.begin(), catalog.tensors.end(),
          [](const TensorEntry& tensor) { return tensor.storage.has_value(); }),
      .needed_bytes = planned.plan.needed_bytes,
      .read_bytes = planned.plan.read_bytes,
      .read_count = static_cast<int64_t>(planned.plan.chunks.size()),
      .peak_host_bytes = planned.host_bytes,
      .pinned_bytes = planned.pinned_bytes,
      .device_bytes = planned.device_bytes,
      .fit = CheckMemory(planned, options),
      .warnings = catalog.warnings};
  for (size_t i = 0; i < catalog.files.size(); ++i) {
    // What is in memory is no file of the user's.
    if (catalog.files[i].content == nullptr) {
      const ReadChoice& read = planned.reads[i];
      report.io.push_back({.path = catalog.files[i].path,
                           .method = std::string(ReadMethodName(read.method)),
                           .reason = read.reason});
    }
  }
  return report;
}

}  // namespace hoist
