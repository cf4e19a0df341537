#ifndef HOIST_CORE_TENSOR_OPS_CAST_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_CAST_ELEMENT_H_

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/host_device.h"
#include "hoist/core/tensor/ops/small_float_16.h"

namespace hoist {

// Casts one element, as cast.h says. The same code for the host and the device.
// Thread-safe.
template <DType kFrom, DType kTo>
struct CastElement {
  using Source = typename Element<kFrom>::Stored;
  using Destination = typename Element<kTo>::Stored;

  HOIST_HOST_DEVICE Destination operator()(Source element) const {
    if constexpr (IsWidening()) {
      return WidenSmallFloat<Element<kFrom>::kFormat, Element<kTo>::kFormat>(
          element);
    } else if constexpr (IsNarrowing()) {
      return NarrowBfloat16<Element<kTo>::kFormat>(element);
    } else {
      return Element<kTo>::Encode(Element<kFrom>::Decode(element));
    }
  }

 private:
  static constexpr bool IsSmallFloat8(DType dtype) {
    return dtype >= DType::kFloat8E4m3fn && dtype <= DType::kFloat8E5m2fnuz;
  }
  static constexpr bool IsWidening() {
    if constexpr (IsSmallFloat8(kFrom) &&
                  (kTo == DType::kFloat16 || kTo == DType::kBfloat16)) {
      return CanWiden(Element<kFrom>::kFormat, Element<kTo>::kFormat);
    } else {
      return false;
    }
  }
  static constexpr bool IsNarrowing() {
    if constexpr (kFrom == DType::kBfloat16 && IsSmallFloat8(kTo)) {
      return CanNarrow(Element<kTo>::kFormat);
    } else {
      return false;
    }
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CAST_ELEMENT_H_
