#ifndef HOIST_CORE_TENSOR_OPS_DEQUANTIZE_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_DEQUANTIZE_ELEMENT_H_

#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// A quantised number times its block's scale, in float32, as an element of
// `kTo`; see dequantize.h. The same code for the host and the device.
// Thread-safe.
template <DType kFrom, DType kTo>
struct DequantizeElement {
  using Source = typename Element<kFrom>::Stored;
  using Destination = typename Element<kTo>::Stored;

  HOIST_HOST_DEVICE Destination operator()(Source element, float scale) const {
    return Element<kTo>::Encode(Element<kFrom>::Decode(element) * scale);
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_DEQUANTIZE_ELEMENT_H_
