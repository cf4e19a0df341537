#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/scan.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/launch.h"
#include "hoist/cuda/kernels/scan.h"

namespace hoist {
namespace {

constexpr int kDTypeCount = static_cast<int>(DType::kFloat8E8m0fnu) + 1;

using ScanKernel = void (*)(const void* data, size_t count, ScanBins bins,
                            ScanTotals* totals, uint64_t* histogram);

__device__ unsigned long long* Counter(uint64_t* counter) {
  return reinterpret_cast<unsigned long long*>(counter);
}

__device__ long long* Key(int64_t* key) {
  return reinterpret_cast<long long*>(key);
}

__device__ void AddTotals(const ScanTotals& part, ScanTotals* totals) {
  atomicAdd(Counter(&totals->nan_count), part.nan_count);
  atomicAdd(Counter(&totals->infinity_count), part.infinity_count);
  atomicMin(Key(&totals->min_key), part.min_key);
  atomicMax(Key(&totals->max_key), part.max_key);
  atomicAdd(&totals->finite_sum, part.finite_sum);
}

__global__ void StoreEmpty(int bins, ScanTotals* totals, uint64_t* histogram) {
  for (size_t i = FirstElement(); i < bins; i += ElementStep()) {
    histogram[i] = 0;
  }
  if (FirstElement() == 0) {
    *totals = ScanTotals();
  }
}

template <DType kDType>
__global__ void ScanAll(const void* data, size_t count, ScanBins bins,
                        ScanTotals* totals, uint64_t* histogram) {
  // Of the threads of this block; bytes, since ScanTotals initialises itself.
  alignas(ScanTotals) __shared__ unsigned char block_bytes[sizeof(ScanTotals)];
  __shared__ unsigned block_histogram[kMaxScanBins];
  auto* const block = reinterpret_cast<ScanTotals*>(block_bytes);
  for (int i = threadIdx.x; i < bins.count; i += blockDim.x) {
    block_histogram[i] = 0;
  }
  if (threadIdx.x == 0) {
    *block = ScanTotals();
  }
  __syncthreads();
  const auto* const elements =
      static_cast<const typename Element<kDType>::Stored*>(data);
  ScanTotals mine;
  for (size_t i = FirstElement(); i < count; i += ElementStep()) {
    const auto value =
        static_cast<double>(Element<kDType>::Decode(elements[i]));
    ScanElement()(value, mine);
    if (bins.count > 0 && bins.Contain(value)) {
      atomicAdd(&block_histogram[bins.IndexOf(value)], 1u);
    }
  }
  AddTotals(mine, block);
  __syncthreads();
  for (int i = threadIdx.x; i < bins.count; i += blockDim.x) {
    atomicAdd(Counter(&histogram[i]), block_histogram[i]);
  }
  if (threadIdx.x == 0) {
    AddTotals(*block, totals);
  }
}

template <int kIndex>
ScanKernel KernelOf() {
  constexpr auto kDType = static_cast<DType>(kIndex);
  if constexpr (HasElement(kDType)) {
    return &ScanAll<kDType>;
  } else {
    return nullptr;
  }
}

template <int... kIndices>
ScanKernel FindKernel(int index, std::integer_sequence<int, kIndices...>) {
  static const ScanKernel kernels[] = {KernelOf<kIndices>()...};
  return kernels[index];
}

}  // namespace

absl::Status ScanOnDevice(int device, DType dtype, const void* data,
                          size_t count, const ScanBins& bins,
                          ScanTotals* totals, uint64_t* histogram,
                          CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckScan(dtype, bins));
  HOIST_RETURN_IF_ERROR(CheckAligned(data, DTypeBits(dtype) / 8));
  HOIST_RETURN_IF_ERROR(CheckAligned(totals, alignof(ScanTotals)));
  HOIST_RETURN_IF_ERROR(CheckAligned(histogram, sizeof(*histogram)));
  const std::string what =
      absl::StrCat("Scanning ", count, " elements of ", DTypeName(dtype));
  HOIST_RETURN_IF_ERROR(Launch(device, stream, what, kMaxScanBins, &StoreEmpty,
                               bins.count, totals, histogram));
  const ScanKernel kernel = FindKernel(
      static_cast<int>(dtype), std::make_integer_sequence<int, kDTypeCount>());
  return Launch(device, stream, what, count, kernel, data, count, bins, totals,
                histogram);
}

}  // namespace hoist
