#ifndef HOIST_CUDA_KERNELS_SCAN_H_
#define HOIST_CUDA_KERNELS_SCAN_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/scan_element.h"

struct CUstream_st;  // what a cudaStream_t points to

namespace hoist {

// Looks at `count` elements at `data` as Scan() of core/tensor/ops/scan.h does,
// and puts what it saw into `*totals` and the bins.count numbers at
// `histogram`, which are also of the device's memory; MakeScanResult() reads
// them. All are aligned to their elements, else kInvalidArgument. Other errors
// as CheckScan().
//
// The device's memory is not looked at here, and nothing is waited for: the
// work is put on `stream`, one of the CUDA device `device`, and the calling
// thread may have any current device. A device that cannot run this build is
// kUnavailable.
//
// In a build without CUDA all memory is the host's, `device` and `stream` are
// ignored, and the work is done on return. Thread-safe.
absl::Status ScanOnDevice(int device, DType dtype, const void* data,
                          size_t count, const ScanBins& bins,
                          ScanTotals* totals, uint64_t* histogram,
                          CUstream_st* stream);

}  // namespace hoist

#endif  // HOIST_CUDA_KERNELS_SCAN_H_
