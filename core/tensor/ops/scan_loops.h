#ifndef HOIST_CORE_TENSOR_OPS_SCAN_LOOPS_H_
#define HOIST_CORE_TENSOR_OPS_SCAN_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/scan_element.h"

namespace hoist {

// Adds `count` elements to `totals`, and to the bins.count numbers at
// `histogram`.
using ScanLoop = void (*)(const uint8_t* bytes, size_t count,
                          const ScanBins& bins, ScanTotals& totals,
                          uint64_t* histogram);

// The loop for a machine of `kLevel`; null unless HasElement(dtype).
// Thread-safe. Internal to core/tensor/ops/.
template <CpuLevel kLevel>
ScanLoop FindScanLoop(DType dtype);

HOIST_DECLARE_CPU_LEVELS(ScanLoop FindScanLoop, (DType dtype));

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_SCAN_LOOPS_H_
