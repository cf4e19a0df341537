#ifndef HOIST_CORE_TENSOR_OPS_BYTE_PLANE_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_BYTE_PLANE_ELEMENT_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// Element `index` out of sizeof(T) planes, which start `plane_bytes` apart at
// `planes`; see byte_planes.h. The same code for the host and the device.
// Thread-safe.
template <typename T>
struct BytePlaneElement {
  HOIST_HOST_DEVICE T operator()(const uint8_t* planes, size_t plane_bytes,
                                 size_t index) const {
    return Join<0>(planes + index, plane_bytes);
  }

 private:
  // A recursion, since compilers vectorise no loop with another in it.
  template <int kPlane>
  static HOIST_HOST_DEVICE T Join(const uint8_t* byte, size_t plane_bytes) {
    if constexpr (kPlane == sizeof(T)) {
      return 0;
    } else {
      return static_cast<T>(static_cast<T>(*byte) << (8 * kPlane) |
                            Join<kPlane + 1>(byte + plane_bytes, plane_bytes));
    }
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_BYTE_PLANE_ELEMENT_H_
