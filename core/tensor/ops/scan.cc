#include "hoist/core/tensor/ops/scan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/scan_loops.h"

namespace hoist {

absl::Status CheckScan(DType dtype, const ScanBins& bins) {
  if (!HasElement(dtype)) {
    return absl::UnimplementedError(
        absl::StrCat("Elements of ", DTypeName(dtype), " cannot be scanned"));
  }
  if (bins.count < 0 || bins.count > kMaxScanBins) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A histogram has at most ", kMaxScanBins, " bins, not ", bins.count));
  }
  // Together they refuse NaN and infinity, too.
  const double width = bins.high - bins.low;
  if (bins.count > 0 && !(width > 0 && std::isfinite(width) &&
                          std::isfinite(bins.count / width))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A histogram cannot go from ", bins.low, " to ", bins.high));
  }
  return absl::OkStatus();
}

absl::StatusOr<ScanResult> Scan(DType dtype, absl::Span<const uint8_t> bytes,
                                const ScanBins& bins) {
  HOIST_RETURN_IF_ERROR(CheckScan(dtype, bins));
  ScanTotals totals;
  std::vector<uint64_t> histogram(bins.count);
  HOIST_RETURN_IF_ERROR(
      ScanInto(dtype, bytes, bins, totals, absl::MakeSpan(histogram)));
  return MakeScanResult(bytes.size() / (DTypeBits(dtype) / 8), totals,
                        std::move(histogram));
}

absl::Status ScanInto(DType dtype, absl::Span<const uint8_t> bytes,
                      const ScanBins& bins, ScanTotals& totals,
                      absl::Span<uint64_t> histogram) {
  HOIST_RETURN_IF_ERROR(CheckScan(dtype, bins));
  const size_t element_bytes = DTypeBits(dtype) / 8;
  if (bytes.size() % element_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes.size(), " bytes to scan are no whole number of ",
                     DTypeName(dtype)));
  }
  if (histogram.size() != static_cast<size_t>(bins.count)) {
    return absl::InvalidArgumentError(
        absl::StrCat("A histogram of ", bins.count, " bins is not of ",
                     histogram.size(), " numbers"));
  }
  totals = ScanTotals();
  std::fill(histogram.begin(), histogram.end(), 0);
  const ScanLoop loop = HOIST_FOR_CPU_LEVEL(FindScanLoop)(dtype);
  loop(bytes.data(), bytes.size() / element_bytes, bins, totals,
       histogram.data());
  return absl::OkStatus();
}

ScanResult MakeScanResult(uint64_t count, const ScanTotals& totals,
                          std::vector<uint64_t> histogram) {
  ScanResult result;
  result.count = count;
  result.nan_count = totals.nan_count;
  result.infinity_count = totals.infinity_count;
  result.histogram = std::move(histogram);
  if (totals.nan_count < count) {
    result.min = OrderedValue(totals.min_key);
    result.max = OrderedValue(totals.max_key);
  }
  const uint64_t finite = count - totals.nan_count - totals.infinity_count;
  if (finite > 0) {
    result.mean = totals.finite_sum / static_cast<double>(finite);
  }
  return result;
}

}  // namespace hoist
