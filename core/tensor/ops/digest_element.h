#ifndef HOIST_CORE_TENSOR_OPS_DIGEST_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_DIGEST_ELEMENT_H_

#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// The term of the word at `index`; see digest.h. The same code for the host and
// the device. Thread-safe.
struct DigestElement {
  HOIST_HOST_DEVICE uint64_t operator()(uint64_t word, uint64_t index) const {
    uint64_t x = word + (index + 1) * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 32) * 0xD6E8FEB86659FD93u;
    x = (x ^ x >> 32) * 0xD6E8FEB86659FD93u;
    return x ^ x >> 32;
  }
};

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_DIGEST_ELEMENT_H_
