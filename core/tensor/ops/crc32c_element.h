#ifndef HOIST_CORE_TENSOR_OPS_CRC32C_ELEMENT_H_
#define HOIST_CORE_TENSOR_OPS_CRC32C_ELEMENT_H_

#include <cstdint>

#include "hoist/core/tensor/ops/host_device.h"

namespace hoist {

// CRCs as polynomials over bits modulo that of CRC-32C, the highest power in
// the lowest bit. A CRC here is without the inversions before and after. The
// same code for the host and the device. Thread-safe.

// `polynomial` times x.
HOIST_HOST_DEVICE constexpr uint32_t Crc32cTimesX(uint32_t polynomial) {
  return polynomial >> 1 ^ ((polynomial & 1) != 0 ? 0x82F63B78u : 0u);
}

// The CRC of one byte: an entry of the table with which runs are summed.
HOIST_HOST_DEVICE uint32_t Crc32cOfByte(uint32_t byte) {
  for (int bit = 0; bit < 8; ++bit) {
    byte = Crc32cTimesX(byte);
  }
  return byte;
}

HOIST_HOST_DEVICE constexpr uint32_t Crc32cMultiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    product ^= (a & 0x80000000u) != 0 ? b : 0u;
    b = Crc32cTimesX(b);
  }
  return product;
}

// What `size_bytes` zero bytes multiply a CRC by: x to 8 times that.
HOIST_HOST_DEVICE constexpr uint32_t Crc32cOfZeros(uint64_t size_bytes) {
  uint32_t power = 0x80000000u >> 8;
  uint32_t result = 0x80000000u;
  for (; size_bytes != 0; size_bytes >>= 1) {
    if ((size_bytes & 1) != 0) {
      result = Crc32cMultiply(power, result);
    }
    power = Crc32cMultiply(power, power);
  }
  return result;
}

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CRC32C_ELEMENT_H_
