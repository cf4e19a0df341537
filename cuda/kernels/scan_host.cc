#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/scan.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/scan.h"

namespace hoist {

absl::Status ScanOnDevice(int, DType dtype, const void* data, size_t count,
                          const ScanBins& bins, ScanTotals* totals,
                          uint64_t* histogram, CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckScan(dtype, bins));
  HOIST_RETURN_IF_ERROR(CheckAligned(data, DTypeBits(dtype) / 8));
  HOIST_RETURN_IF_ERROR(CheckAligned(totals, alignof(ScanTotals)));
  HOIST_RETURN_IF_ERROR(CheckAligned(histogram, sizeof(*histogram)));
  return ScanInto(dtype,
                  absl::MakeSpan(static_cast<const uint8_t*>(data),
                                 count * (DTypeBits(dtype) / 8)),
                  bins, *totals, absl::MakeSpan(histogram, bins.count));
}

}  // namespace hoist
