#include "hoist/core/system/host_arena.h"

#include <sys/mman.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"

namespace hoist {

absl::StatusOr<std::shared_ptr<HostArena>> HostArena::Allocate(
    size_t size_bytes) {
  if (size_bytes == 0) {
    return std::shared_ptr<HostArena>(new HostArena(nullptr, 0, {}));
  }
  const bool is_huge = size_bytes >= kHugePageBytes;
  // Room to move its begin to a huge page, and its end past the last.
  const auto mapped = CheckedAdd(uint64_t{size_bytes},
                                 uint64_t{is_huge ? 2 * kHugePageBytes : 0});
  void* const mapping = mapped ? mmap(nullptr, *mapped, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                               : MAP_FAILED;
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Cannot allocate ", size_bytes, " bytes of memory"));
  }
  auto* begin = static_cast<uint8_t*>(mapping);
  if (is_huge) {
    const auto address = reinterpret_cast<uintptr_t>(begin);
    begin += (kHugePageBytes - address % kHugePageBytes) % kHugePageBytes;
    const size_t rounded =
        (size_bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
    // A wish only, whose refusal changes nothing but the time.
    madvise(begin, rounded, MADV_HUGEPAGE);
  }
  return std::shared_ptr<HostArena>(
      new HostArena(mapping, *mapped, absl::MakeSpan(begin, size_bytes)));
}

HostArena::~HostArena() {
  if (mapping_ != nullptr) {
    munmap(mapping_, mapping_bytes_);
  }
}

}  // namespace hoist
