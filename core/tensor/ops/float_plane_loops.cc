// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/float_plane_loops.h"

namespace hoist {
namespace {

// One pass a plane: a loop that writes one run of bytes is vectorised, and what
// it reads again is in the nearest cache.
constexpr size_t kBlock = 2048;

template <typename T>
void SplitAll(const uint8_t* floats, uint8_t* const* planes, size_t count) {
  constexpr int kBits = 8 * sizeof(T);
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t size = count - begin < kBlock ? count - begin : kBlock;
    const uint8_t* __restrict from = floats + begin * sizeof(T);
    for (size_t plane = 0; plane < sizeof(T); ++plane) {
      uint8_t* __restrict to = planes[plane] + begin;
      const int shift = static_cast<int>(8 * plane);
      for (size_t i = 0; i < size; ++i) {
        T value;
        __builtin_memcpy(&value, from + i * sizeof(T), sizeof(T));
        const T rotated = static_cast<T>(value << 1 | value >> (kBits - 1));
        to[i] = static_cast<uint8_t>(rotated >> shift);
      }
    }
  }
}

template <typename T>
T RotateBack(T rotated) {
  constexpr int kBits = 8 * sizeof(T);
  return static_cast<T>(rotated >> 1 | rotated << (kBits - 1));
}

void JoinAll2(const uint8_t* __restrict low, const uint8_t* __restrict high,
              uint8_t* __restrict floats, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const uint16_t value =
        RotateBack(static_cast<uint16_t>(low[i] | high[i] << 8));
    __builtin_memcpy(floats + 2 * i, &value, 2);
  }
}

void JoinAll4(const uint8_t* __restrict a, const uint8_t* __restrict b,
              const uint8_t* __restrict c, const uint8_t* __restrict d,
              uint8_t* __restrict floats, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const uint32_t value =
        RotateBack(uint32_t{a[i]} | uint32_t{b[i]} << 8 | uint32_t{c[i]} << 16 |
                   uint32_t{d[i]} << 24);
    __builtin_memcpy(floats + 4 * i, &value, 4);
  }
}

void JoinAll8(const uint8_t* const* planes, uint8_t* __restrict floats,
              size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t value = 0;
    for (int plane = 0; plane < 8; ++plane) {
      value |= uint64_t{planes[plane][i]} << (8 * plane);
    }
    value = RotateBack(value);
    __builtin_memcpy(floats + 8 * i, &value, 8);
  }
}

}  // namespace

template <>
void SplitFloatPlaneLoop<CpuLevel::HOIST_CPU_LEVEL>(const uint8_t* floats,
                                                    uint8_t* const* planes,
                                                    size_t count,
                                                    int float_bytes) {
  switch (float_bytes) {
    case 2:
      return SplitAll<uint16_t>(floats, planes, count);
    case 4:
      return SplitAll<uint32_t>(floats, planes, count);
    default:
      return SplitAll<uint64_t>(floats, planes, count);
  }
}

template <>
void JoinFloatPlaneLoop<CpuLevel::HOIST_CPU_LEVEL>(const uint8_t* const* planes,
                                                   uint8_t* floats,
                                                   size_t count,
                                                   int float_bytes) {
  switch (float_bytes) {
    case 2:
      return JoinAll2(planes[0], planes[1], floats, count);
    case 4:
      return JoinAll4(planes[0], planes[1], planes[2], planes[3], floats,
                      count);
    default:
      return JoinAll8(planes, floats, count);
  }
}

}  // namespace hoist
