#include "hoist/tools/commands/huge_page_heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace hoist {

void UseHugePagesForHeap(size_t size_bytes) {
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  constexpr int kOwnMappingBytes = 4 << 20;
  constexpr int kDefaultPadBytes = 128 << 10;
  // The heap is to grow by so much at once, to stay so when it is emptied, and
  // to hold all but large blocks.
  if (mallopt(M_TOP_PAD, static_cast<int>(size_bytes)) == 0 ||
      mallopt(M_TRIM_THRESHOLD, static_cast<int>(2 * size_bytes)) == 0 ||
      mallopt(M_MMAP_THRESHOLD, kOwnMappingBytes) == 0) {
    return;
  }
  const auto before = reinterpret_cast<uintptr_t>(sbrk(0));
  // More than it has left; volatile, or the compiler sees that it is not used.
  void* volatile block = std::malloc(kOwnMappingBytes / 2);
  std::free(block);
  const auto after = reinterpret_cast<uintptr_t>(sbrk(0));
  mallopt(M_TOP_PAD, kDefaultPadBytes);
  const uintptr_t begin = (before + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = after / kHugePage * kHugePage;
  if (begin < end) {
    // A wish only, whose refusal changes nothing but the time.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  }
}

}  // namespace hoist
