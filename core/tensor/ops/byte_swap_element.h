#ifndef HOIST_CORE_TENSOR_OPS_BYTE_SWAP_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_BYTE_SWAP_ELEMENT_H_

#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// Reverses the bytes of one element. The same code for the host and the device;
// both compilers make one or two instructions of it. Thread-safe.
struct ByteSwapElement {
  HOIST_HOST_DEVICE uint16_t operator()(uint16_t x) const {
    return static_cast<uint16_t>(x << 8 | x >> 8);
  }
  HOIST_HOST_DEVICE uint32_t operator()(uint32_t x) const {
    return x << 24 | (x & 0xFF00u) << 8 | (x >> 8 & 0xFF00u) | x >> 24;
  }
  HOIST_HOST_DEVICE uint64_t operator()(uint64_t x) const {
    return static_cast<uint64_t>((*this)(static_cast<uint32_t>(x))) << 32 |
           (*this)(static_cast<uint32_t>(x >> 32));
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_BYTE_SWAP_ELEMENT_H_
