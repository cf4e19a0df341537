#include "hoist/core/system/host_arena.h"

#include <sys/mman.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

// What the system says of the mapping that `address` is in.
std::string MappingText(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  std::string text;
  bool is_inside = false;
  while (std::getline(maps, line)) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char dash = 0;
    std::istringstream numbers(line);
    if (numbers >> std::hex >> begin >> dash >> end && dash == '-') {
      const auto at = reinterpret_cast<uintptr_t>(address);
      is_inside = begin <= at && at < end;
    }
    if (is_inside) {
      text += line + "\n";
    }
  }
  return text;
}

TEST(HostArenaTest, LargeOnesAreInHugePagesWhichAreTakenWhenTouched) {
  constexpr size_t kHuge = HostArena::kHugePageBytes;
  HOIST_ASSERT_OK_AND_ASSIGN(const auto arena,
                             HostArena::Allocate(5 * kHuge + 1));
  const absl::Span<uint8_t> bytes = arena->bytes();
  EXPECT_EQ(bytes.size(), 5 * kHuge + 1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.data()) % kHuge, 0u);
  std::string text = MappingText(bytes.data());
  // "hg": huge pages are wished for.
  EXPECT_THAT(text, HasSubstr(" hg"));
  EXPECT_THAT(text, ::testing::ContainsRegex("Rss: +0 kB"));
  EXPECT_EQ(bytes.front(), 0);
  bytes.back() = 1;
}

TEST(HostArenaTest, SmallOnesTakeNoHugePage) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto arena, HostArena::Allocate(10000));
  std::memset(arena->bytes().data(), 1, 10000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(arena->bytes().data()) % 4096, 0u);
  EXPECT_THAT(MappingText(arena->bytes().data()),
              ::testing::Not(HasSubstr(" hg")));
}

TEST(HostArenaTest, GivesItsMemoryBack) {
  HOIST_ASSERT_OK_AND_ASSIGN(auto arena, HostArena::Allocate(1 << 23));
  void* const data = arena->bytes().data();
  arena = nullptr;
  unsigned char residency = 0;
  EXPECT_NE(mincore(data, 4096, &residency), 0);
}

TEST(HostArenaTest, NothingAndTooMuch) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto arena, HostArena::Allocate(0));
  EXPECT_TRUE(arena->bytes().empty());
  for (const size_t size :
       {std::numeric_limits<size_t>::max(), size_t{1} << 62}) {
    EXPECT_THAT(HostArena::Allocate(size),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr(std::to_string(size))));
  }
}

}  // namespace
}  // namespace hoist
