#ifndef HOIST_CORE_SYSTEM_MEMORY_BUDGET_H_
#define HOIST_CORE_SYSTEM_MEMORY_BUDGET_H_

#include <cstdint>
#include <limits>
#include <string>

namespace hoist {

// How much more host memory this process can take.
struct MemoryBudget {
  // The largest number if nothing is known to limit it.
  uint64_t available_bytes = std::numeric_limits<uint64_t>::max();
  // What sets it, in plain words: "container allows 32.0 GiB (page cache not
  // counted: 2.1 GiB in use), says /sys/fs/cgroup/memory.max".
  std::string reason = "no limit is known";
};

// The least of what the machine has available, what each control group that the
// process is in allows (containers, services, batch jobs; both versions of
// cgroups), and `ulimit -v`. Page cache counts as available, since it yields.
// A limit that cannot be read or makes no sense is none. It is a moment's
// answer: others take memory too. `root` is put before each path that is read,
// for tests. Thread-safe; reads small files.
MemoryBudget HostMemoryBudget(const std::string& root = "");

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_MEMORY_BUDGET_H_
