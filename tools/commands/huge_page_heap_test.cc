#include "hoist/tools/commands/huge_page_heap.h"

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace hoist {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasOtherAllocator = true;
#else
constexpr bool kHasOtherAllocator = false;
#endif

// KiB of the heap for which huge pages were asked for (proc(5): smaps).
size_t AskedForKib() {
  std::ifstream in("/proc/self/smaps");
  std::string line;
  bool is_heap = false;
  size_t size_kib = 0;
  size_t asked_kib = 0;
  while (std::getline(in, line)) {
    size_t begin;
    size_t end;
    if (std::sscanf(line.c_str(), "%zx-%zx ", &begin, &end) == 2) {
      is_heap = line.find("[heap]") != std::string::npos;
      size_kib = (end - begin) / 1024;
    } else if (is_heap && line.starts_with("VmFlags:") &&
               line.find(" hg") != std::string::npos) {
      asked_kib += size_kib;
    }
  }
  return asked_kib;
}

TEST(HugePageHeapTest, AsksForThemWhereTheHeapGrows) {
  if (kHasOtherAllocator ||
      !std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled").is_open()) {
    GTEST_SKIP() << "no such heap or pages here";
  }
  EXPECT_EQ(AskedForKib(), 0u);
  UseHugePagesForHeap(size_t{64} << 20);
  // All but what lies beside whole huge pages.
  EXPECT_GE(AskedForKib(), size_t{60} << 10);
}

}  // namespace
}  // namespace hoist
