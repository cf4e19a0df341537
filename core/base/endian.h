#ifndef HOIST_CORE_BASE_ENDIAN_H_
#define HOIST_CORE_BASE_ENDIAN_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace hoist {

// Reads and writes integers at any address, aligned or not. The caller has
// checked that sizeof(T) bytes are there. Thread-safe.

template <typename T>
T LoadLittleEndian(const void* from) {
  static_assert(std::is_integral_v<T>);
  static_assert(std::endian::native == std::endian::little,
                "Hoist runs on little-endian machines");
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
void StoreLittleEndian(T value, void* to) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(to, &value, sizeof(T));
}

// An IEEE double stored big-endian, as pickle's BINFLOAT does.
inline double LoadBigEndianDouble(const void* from) {
  uint64_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return std::bit_cast<double>(__builtin_bswap64(bits));
}

}  // namespace hoist

#endif  // HOIST_CORE_BASE_ENDIAN_H_
