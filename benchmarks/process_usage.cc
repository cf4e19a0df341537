#include "hoist/benchmarks/process_usage.h"

#include <sys/resource.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace hoist {

absl::StatusOr<ProcessUsage> GetProcessUsage() {
  ProcessUsage usage;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    uint64_t* const bytes =
        absl::StartsWith(line, "VmRSS:")   ? &usage.resident_bytes
        : absl::StartsWith(line, "VmHWM:") ? &usage.peak_resident_bytes
                                           : nullptr;
    if (bytes != nullptr) {
      // "VmRSS:	    1234 kB"
      const std::vector<absl::string_view> words =
          absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
      if (words.size() < 2 || !absl::SimpleAtoi(words[1], bytes)) {
        return absl::InternalError("/proc/self/status: " + line);
      }
      *bytes *= 1024;
    }
  }
  rusage used;
  if (usage.resident_bytes == 0 || getrusage(RUSAGE_SELF, &used) != 0) {
    return absl::InternalError("The system does not say what memory is used");
  }
  usage.minor_faults = used.ru_minflt;
  usage.major_faults = used.ru_majflt;
  return usage;
}

void ResetPeakResidentBytes() {
  // See proc(5); kernels without CONFIG_PROC_PAGE_MONITOR have no such file.
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace hoist
