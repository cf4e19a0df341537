// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/dequantize_loops.h"

#include "hoist/core/tensor/ops/dequantize_element.h"

namespace hoist {
namespace {

template <DType kFrom, DType kTo>
void DequantizeAll(const uint8_t* __restrict source, float scale,
                   uint8_t* __restrict destination, size_t count) {
  using Dequantize = DequantizeElement<kFrom, kTo>;
  using Destination = typename Dequantize::Destination;
  for (size_t i = 0; i < count; ++i) {
    const Destination result = Dequantize()(source[i], scale);
    __builtin_memcpy(destination + i * sizeof(Destination), &result,
                     sizeof(Destination));
  }
}

template <DType kFrom>
DequantizeLoop LoopFrom(DType to) {
  switch (to) {
    case DType::kBfloat16:
      return &DequantizeAll<kFrom, DType::kBfloat16>;
    case DType::kFloat16:
      return &DequantizeAll<kFrom, DType::kFloat16>;
    default:
      return &DequantizeAll<kFrom, DType::kFloat32>;
  }
}

}  // namespace

template <>
DequantizeLoop FindDequantizeLoop<CpuLevel::HOIST_CPU_LEVEL>(DType from,
                                                             DType to) {
  return from == DType::kFloat8E4m3fn ? LoopFrom<DType::kFloat8E4m3fn>(to)
                                      : LoopFrom<DType::kFloat8E5m2>(to);
}

}  // namespace hoist
