#ifndef HOIST_CORE_TENSOR_OPS_CAST_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_CAST_ELEMENT_H_

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/host_device.h"
#include "hoist/core/tensor/ops/small_float_16.h"

namespace hoist {

namespace cast_internal {

constexpr bool IsSmallFloat8(DType dtype) {
  return dtype >= DType::kFloat8E4m3fn && dtype <= DType::kFloat8E5m2fnuz;
}

template <DType kFrom, DType kTo>
constexpr bool IsWidening() {
  if constexpr (IsSmallFloat8(kFrom) &&
                (kTo == DType::kFloat16 || kTo == DType::kBfloat16)) {
    return CanWiden(Element<kFrom>::kFormat, Element<kTo>::kFormat);
  } else if constexpr (IsSmallFloat8(kFrom) && kTo == DType::kFloat32) {
    // By way of bfloat16, unless there are NaNs with a payload to keep.
    return Element<kFrom>::kFormat.specials != SmallFloatSpecials::kIeee &&
           CanWiden(Element<kFrom>::kFormat, kBfloat16Format);
  } else {
    return false;
  }
}

template <DType kFrom, DType kTo>
constexpr bool IsNarrowing() {
  if constexpr (kFrom == DType::kBfloat16 && IsSmallFloat8(kTo)) {
    return CanNarrow(Element<kTo>::kFormat);
  } else {
    return false;
  }
}

// Variables, since device code cannot call what is for the host, not even at
// compile time.
template <DType kFrom, DType kTo>
inline constexpr bool kIsWidening = IsWidening<kFrom, kTo>();
template <DType kFrom, DType kTo>
inline constexpr bool kIsNarrowing = IsNarrowing<kFrom, kTo>();

}  // namespace cast_internal

// Casts one element, as cast.h says. The same code for the host and the device.
// Thread-safe.
template <DType kFrom, DType kTo>
struct CastElement {
  using Source = typename Element<kFrom>::Stored;
  using Destination = typename Element<kTo>::Stored;

  HOIST_HOST_DEVICE Destination operator()(Source element) const {
    if constexpr (cast_internal::kIsWidening<kFrom, kTo> &&
                  kTo == DType::kFloat32) {
      return FloatFromBits(
          uint32_t{WidenSmallFloat<Element<kFrom>::kFormat, kBfloat16Format>(
              element)}
          << 16);
    } else if constexpr (cast_internal::kIsWidening<kFrom, kTo>) {
      return WidenSmallFloat<Element<kFrom>::kFormat, Element<kTo>::kFormat>(
          element);
    } else if constexpr (cast_internal::kIsNarrowing<kFrom, kTo>) {
      return NarrowBfloat16<Element<kTo>::kFormat>(element);
    } else {
      return Element<kTo>::Encode(Element<kFrom>::Decode(element));
    }
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CAST_ELEMENT_H_
