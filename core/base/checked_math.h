#ifndef HOIST_CORE_BASE_CHECKED_MATH_H_
#define HOIST_CORE_BASE_CHECKED_MATH_H_

#include <concepts>
#include <optional>

namespace hoist {

// Sums and products of numbers that come from a file. Each returns nullopt
// where the exact result does not fit into T. Thread-safe.

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> CheckedAdd(T a, T b) {
  T result;
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> CheckedMul(T a, T b) {
  T result;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

}  // namespace hoist

#endif  // HOIST_CORE_BASE_CHECKED_MATH_H_
