#ifndef HOIST_TOOLS_UI_SATURATING_MATH_H_
#define HOIST_TOOLS_UI_SATURATING_MATH_H_

#include <cstdint>

#include "hoist/core/base/checked_math.h"

namespace hoist {

// Totals of numbers from a file, which is free to claim 2^62 elements twice:
// the largest number stands for all above it. Arguments are not negative.

constexpr int64_t SaturatingAdd(int64_t a, int64_t b) {
  return CheckedAdd(a, b).value_or(INT64_MAX);
}

constexpr int64_t SaturatingMul(int64_t a, int64_t b) {
  return CheckedMul(a, b).value_or(INT64_MAX);
}

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_SATURATING_MATH_H_
