#ifndef HOIST_CORE_SYSTEM_CGROUP_MEMORY_H_
#define HOIST_CORE_SYSTEM_CGROUP_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hoist {

// A limit on the memory of a control group that this process is in: of a
// container, a service, a batch job.
struct CgroupMemory {
  std::string file;  // the one that sets the limit
  uint64_t limit_bytes = 0;
  uint64_t used_bytes = 0;  // without page cache, which yields when needed
};

// The limits of the own group and of each above it that can be seen, in
// versions 1 and 2 of cgroups: memory.max and memory.high, or
// memory.limit_in_bytes. A group without a limit is left out; so is one whose
// files cannot be read or make no sense. If what is used cannot be read, it is
// taken for 0. `root` is put before each path, for tests. Thread-safe; reads
// small files.
std::vector<CgroupMemory> CgroupMemoryLimits(const std::string& root = "");

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_CGROUP_MEMORY_H_
