#include "hoist/core/io/read_fully.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kContent[] = "0123456789";
constexpr size_t kSize = sizeof(kContent) - 1;

ssize_t ReadSome(void* buffer, size_t size, off_t offset, size_t at_most) {
  if (static_cast<size_t>(offset) >= kSize) return 0;
  const size_t n = std::min({size, at_most, kSize - offset});
  std::memcpy(buffer, kContent + offset, n);
  return static_cast<ssize_t>(n);
}

TEST(ReadFullyTest, ContinuesShortReadsAndRetriesEintr) {
  int calls = 0;
  std::string out(7, '\0');
  HOIST_ASSERT_OK(ReadFully(
      [&](void* buffer, size_t size, off_t offset) -> ssize_t {
        if (calls++ % 2 == 0) {
          errno = EINTR;
          return -1;
        }
        return ReadSome(buffer, size, offset, 2);
      },
      2, absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), out.size())));
  EXPECT_EQ(out, "2345678");
  EXPECT_EQ(calls, 8);
}

TEST(ReadFullyTest, EndOfFileSaysWhatIsMissing) {
  std::string out(5, '\0');
  EXPECT_THAT(
      ReadFully(
          [&](void* buffer, size_t size, off_t offset) {
            return ReadSome(buffer, size, offset, 100);
          },
          8,
          absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), out.size())),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("ends at byte 10"), HasSubstr("wanted 5 bytes"),
                     HasSubstr("from byte 8"), HasSubstr("got 2"))));
}

TEST(ReadFullyTest, OtherErrnoIsReturnedWithItsOffset) {
  uint8_t out[4];
  EXPECT_THAT(ReadFully(
                  [&](void*, size_t, off_t) -> ssize_t {
                    errno = EIO;
                    return -1;
                  },
                  3, absl::MakeSpan(out)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("at byte 3")));
}

}  // namespace
}  // namespace hoist
