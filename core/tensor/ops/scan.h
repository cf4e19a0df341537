#ifndef HOIST_CORE_TENSOR_OPS_SCAN_H_
#define HOIST_CORE_TENSOR_OPS_SCAN_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/scan_element.h"

namespace hoist {

// What the numbers of a tensor are like. Integers of 64 bits are rounded to
// double.
struct ScanResult {
  uint64_t count = 0;
  uint64_t nan_count = 0;
  uint64_t infinity_count = 0;  // of either sign
  // Of all but NaN; NaN if there are none.
  double min = std::numeric_limits<double>::quiet_NaN();
  double max = std::numeric_limits<double>::quiet_NaN();
  // Of the finite ones, summed as doubles; NaN if there are none. Its last
  // digits depend on the order of the sum, and so on CPU and device.
  double mean = std::numeric_limits<double>::quiet_NaN();
  // How many numbers each bin has; those outside all bins are in none.
  std::vector<uint64_t> histogram;
};

// kUnimplemented unless Cast() can read the dtype; kInvalidArgument for a
// number of bins below 0 or above kMaxScanBins, and, where there are bins,
// for bounds that are not finite, or the lower of which is not the lower, or
// that are too far apart for a double. Thread-safe, like all here.
absl::Status CheckScan(DType dtype, const ScanBins& bins);

// Looks at each element of `bytes`, which need not be aligned, with one thread.
// Without bins there is no histogram. Errors as CheckScan(); bytes that are no
// whole number of elements are kInvalidArgument.
absl::StatusOr<ScanResult> Scan(DType dtype, absl::Span<const uint8_t> bytes,
                                const ScanBins& bins = {});

// As Scan(), with what was seen put into `totals` and `histogram`, of as many
// numbers as there are bins (else kInvalidArgument).
absl::Status ScanInto(DType dtype, absl::Span<const uint8_t> bytes,
                      const ScanBins& bins, ScanTotals& totals,
                      absl::Span<uint64_t> histogram);

// The result of `count` elements, from their totals and bins.
ScanResult MakeScanResult(uint64_t count, const ScanTotals& totals,
                          std::vector<uint64_t> histogram);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_SCAN_H_
