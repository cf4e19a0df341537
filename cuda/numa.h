#ifndef HOIST_CUDA_NUMA_H_
#define HOIST_CUDA_NUMA_H_

#include <cstddef>
#include <string>

namespace hoist {

// The NUMA node of a PCI device, as "0000:17:00.0" in either case; -1 where the
// kernel knows none. `sysfs` is where sysfs is mounted. Internal to cuda/.
// Thread-safe.
int NumaNodeOfPciDevice(const std::string& bus_id,
                        const std::string& sysfs = "/sys");

// Asks that pages of [data, data + size_bytes), which starts at a page, be
// taken from `node` when they are first touched, if it has free ones. A wish,
// which the kernel may not grant; a negative `node` asks for nothing. Internal
// to cuda/. Thread-safe.
void PreferNumaNode(void* data, size_t size_bytes, int node);

}  // namespace hoist

#endif  // HOIST_CUDA_NUMA_H_
