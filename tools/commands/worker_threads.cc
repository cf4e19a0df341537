#include "hoist/tools/commands/worker_threads.h"

#include <algorithm>
#include <thread>

namespace hoist {

int DefaultThreadCount() {
  constexpr int kMaxUseful = 16;
  // It counts the CPUs that the process may run on; 0 if it does not know.
  const int cpus = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cpus, 1, kMaxUseful);
}

int DefaultWriteThreadCount() {
  // Of which four write at once: more gained nothing where it was measured.
  constexpr int kKeepADiskBusy = 6;
  return std::max(DefaultThreadCount(), kKeepADiskBusy);
}

}  // namespace hoist
