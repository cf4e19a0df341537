#ifndef HOIST_BENCHMARKS_DEVICE_RATES_H_
#define HOIST_BENCHMARKS_DEVICE_RATES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "hoist/benchmarks/rate.h"

namespace hoist {

// What lies between the host and the CUDA device `device`, with 256 MiB:
//   pin           memory made real and registered with the device
//   copy_pinned   from pinned memory to the device
//   copy_pageable from touched memory that is not pinned
// kUnavailable without CUDA or the device. They are to be measured one at a
// time.
absl::StatusOr<std::vector<Rate>> DeviceRates(int device);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_DEVICE_RATES_H_
