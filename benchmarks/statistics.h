#ifndef HOIST_BENCHMARKS_STATISTICS_H_
#define HOIST_BENCHMARKS_STATISTICS_H_

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace hoist {

// The middle one of at least one value; of two in the middle the larger.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The seconds that `work`, which returns a Status or StatusOr, takes; or its
// error. What it returns is released after the clock has stopped.
template <typename Work>
absl::StatusOr<double> SecondsOf(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = work();
  const auto end = std::chrono::steady_clock::now();
  if (!result.ok()) {
    if constexpr (requires { result.status(); }) {
      return result.status();
    } else {
      return result;
    }
  }
  return std::chrono::duration<double>(end - start).count();
}

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_STATISTICS_H_
