#ifndef HOIST_BENCHMARKS_PROCESS_USAGE_H_
#define HOIST_BENCHMARKS_PROCESS_USAGE_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace hoist {

// What this process has of memory, and the page faults it took so far.
struct ProcessUsage {
  uint64_t resident_bytes = 0;
  uint64_t peak_resident_bytes = 0;  // since ResetPeakResidentBytes()
  int64_t minor_faults = 0;
  int64_t major_faults = 0;  // those that waited for a device
};

// Asks the system. kInternal where /proc does not answer.
absl::StatusOr<ProcessUsage> GetProcessUsage();

// The peak is from now on. Without it, it is of the whole life.
void ResetPeakResidentBytes();

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_PROCESS_USAGE_H_
