#ifndef HOIST_TOOLS_UI_PLAN_REPORT_H_
#define HOIST_TOOLS_UI_PLAN_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/core/tensor/device.h"

namespace hoist {

// What a load would do, as LoadReport says what one did.
struct PlanReport {
  Device device;
  int64_t tensor_count = 0;
  uint64_t needed_bytes = 0;  // of storages
  uint64_t read_bytes = 0;    // from files: with gaps, and compressed
  int64_t read_count = 0;
  // The most that the load would hold at once, in bytes; host memory without
  // what is pinned.
  uint64_t peak_host_bytes = 0;
  uint64_t pinned_bytes = 0;
  uint64_t device_bytes = 0;
  std::vector<LoadReport::FileIo> io;
  // Of CheckMemory(): not ok if it does not fit.
  absl::Status fit;
  std::vector<std::string> warnings;
};

// `planned` of PlanLoad() with `options`, for the tensors of `catalog`. Asks
// the system what memory is left. Thread-safe.
PlanReport ReportPlan(const Catalog& catalog, const PlannedLoad& planned,
                      const LoadOptions& options);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PLAN_REPORT_H_
