#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/tensor/ops/cast_element.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

constexpr int kDTypeCount = static_cast<int>(DType::kFloat8E8m0fnu) + 1;

using CastKernel = void (*)(const void* source, void* destination,
                            size_t count);

template <DType kFrom, DType kTo>
__global__ void CastAll(const void* source, void* destination, size_t count) {
  using Cast = CastElement<kFrom, kTo>;
  const auto* const from = static_cast<const typename Cast::Source*>(source);
  auto* const to = static_cast<typename Cast::Destination*>(destination);
  for (size_t i = FirstElement(); i < count; i += ElementStep()) {
    to[i] = Cast()(from[i]);
  }
}

template <typename T>
__global__ void CopyAll(const void* source, void* destination, size_t count) {
  for (size_t i = FirstElement(); i < count; i += ElementStep()) {
    static_cast<T*>(destination)[i] = static_cast<const T*>(source)[i];
  }
}

template <int kFrom, int kTo>
CastKernel KernelOf() {
  constexpr auto kFromDType = static_cast<DType>(kFrom);
  constexpr auto kToDType = static_cast<DType>(kTo);
  if constexpr (!HasElement(kFromDType) || !HasElement(kToDType)) {
    return nullptr;
  } else if constexpr (kFrom == kTo) {
    return &CopyAll<typename Element<kFromDType>::Stored>;
  } else {
    return &CastAll<kFromDType, kToDType>;
  }
}

template <int... kIndices>
CastKernel FindKernel(int index, std::integer_sequence<int, kIndices...>) {
  static const CastKernel kernels[] = {
      KernelOf<kIndices / kDTypeCount, kIndices % kDTypeCount>()...};
  return kernels[index];
}

}  // namespace

absl::Status CastOnDevice(int device, DType from, const void* source, DType to,
                          void* destination, size_t count,
                          CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckCast(from, to));
  HOIST_RETURN_IF_ERROR(CheckAligned(source, DTypeBits(from) / 8));
  HOIST_RETURN_IF_ERROR(CheckAligned(destination, DTypeBits(to) / 8));
  const CastKernel kernel =
      FindKernel(static_cast<int>(from) * kDTypeCount + static_cast<int>(to),
                 std::make_integer_sequence<int, kDTypeCount * kDTypeCount>());
  return Launch(device, stream,
                absl::StrCat("Casting ", count, " elements of ",
                             DTypeName(from), " to ", DTypeName(to)),
                count, kernel, source, destination, count);
}

}  // namespace hoist
