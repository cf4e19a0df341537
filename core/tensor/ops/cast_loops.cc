// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/cast_loops.h"

#include <array>
#include <utility>

#include "hoist/core/tensor/ops/cast_element.h"
#include "hoist/core/tensor/ops/element.h"

namespace hoist {
namespace {

constexpr int kDTypeCount = static_cast<int>(DType::kFloat8E8m0fnu) + 1;

template <DType kFrom, DType kTo>
void CastAll(const uint8_t* __restrict source, uint8_t* __restrict destination,
             size_t count) {
  using Cast = CastElement<kFrom, kTo>;
  using Source = typename Cast::Source;
  using Destination = typename Cast::Destination;
  for (size_t i = 0; i < count; ++i) {
    Source element;
    __builtin_memcpy(&element, source + i * sizeof(Source), sizeof(Source));
    const Destination result = Cast()(element);
    __builtin_memcpy(destination + i * sizeof(Destination), &result,
                     sizeof(Destination));
  }
}

template <int kFrom, int kTo>
constexpr CastLoop LoopOf() {
  constexpr auto kFromDType = static_cast<DType>(kFrom);
  constexpr auto kToDType = static_cast<DType>(kTo);
  if constexpr (HasElement(kFromDType) && HasElement(kToDType)) {
    return &CastAll<kFromDType, kToDType>;
  } else {
    return nullptr;
  }
}

using Row = std::array<CastLoop, kDTypeCount>;
using Table = std::array<Row, kDTypeCount>;

template <int kFrom, int... kTo>
constexpr Row MakeRow(std::integer_sequence<int, kTo...>) {
  return {LoopOf<kFrom, kTo>()...};
}

template <int... kFrom>
constexpr Table MakeTable(std::integer_sequence<int, kFrom...> dtypes) {
  return {MakeRow<kFrom>(dtypes)...};
}

constexpr Table kTable =
    MakeTable(std::make_integer_sequence<int, kDTypeCount>());

}  // namespace

template <>
CastLoop FindCastLoop<CpuLevel::HOIST_CPU_LEVEL>(DType from, DType to) {
  const int from_index = static_cast<int>(from);
  const int to_index = static_cast<int>(to);
  return from_index < kDTypeCount && to_index < kDTypeCount
             ? kTable[from_index][to_index]
             : nullptr;
}

}  // namespace hoist
