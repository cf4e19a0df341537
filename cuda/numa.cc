#include "hoist/cuda/numa.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace hoist {

int NumaNodeOfPciDevice(const std::string& bus_id, const std::string& sysfs) {
  std::ifstream file(absl::StrCat(sysfs, "/bus/pci/devices/",
                                  absl::AsciiStrToLower(bus_id), "/numa_node"));
  int node = -1;
  return file >> node ? node : -1;
}

void PreferNumaNode(void* data, size_t size_bytes, int node) {
  constexpr int kBits = 8 * sizeof(unsigned long);
  std::array<unsigned long, 16> mask = {};
  if (node < 0 || node >= kBits * static_cast<int>(mask.size())) {
    return;
  }
  mask[node / kBits] = 1UL << (node % kBits);
  // Looks at one bit less than it is told.
  syscall(SYS_mbind, data, size_bytes, MPOL_PREFERRED, mask.data(),
          mask.size() * kBits + 1, 0);
}

}  // namespace hoist
