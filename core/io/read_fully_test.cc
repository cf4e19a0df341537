#include "hoist/core/io/read_fully.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kContent[] = "0123456789";
constexpr size_t kSize = sizeof(kContent) - 1;

// What preadv(2) does, of kContent and at most `at_most` bytes.
ssize_t ReadSome(const iovec* parts, int count, off_t offset, size_t at_most) {
  size_t done = 0;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(offset) + done;
    if (at >= kSize) break;
    const size_t n = std::min({parts[i].iov_len, at_most - done, kSize - at});
    std::memcpy(parts[i].iov_base, kContent + at, n);
    done += n;
    if (n < parts[i].iov_len) break;
  }
  return static_cast<ssize_t>(done);
}

absl::Span<uint8_t> BytesOf(std::string& text) {
  return absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size());
}

absl::Status ReadInto(PreadvFunction preadv, uint64_t offset,
                      std::string& out) {
  const absl::Span<uint8_t> part = BytesOf(out);
  return ReadFully(preadv, offset, {&part, 1});
}

TEST(ReadFullyTest, ContinuesShortReadsAndRetriesEintr) {
  int calls = 0;
  std::string out(7, '\0');
  HOIST_ASSERT_OK(ReadInto(
      [&](const iovec* parts, int count, off_t offset) -> ssize_t {
        if (calls++ % 2 == 0) {
          errno = EINTR;
          return -1;
        }
        return ReadSome(parts, count, offset, 2);
      },
      2, out));
  EXPECT_EQ(out, "2345678");
  EXPECT_EQ(calls, 8);
}

TEST(ReadFullyTest, ScattersOverPartsWhereverAReadStops) {
  for (size_t at_most = 1; at_most <= 9; ++at_most) {
    std::string a(2, '\0');
    std::string none;
    std::string b(1, '\0');
    std::string c(5, '\0');
    const absl::Span<uint8_t> parts[] = {BytesOf(none), BytesOf(a),
                                         BytesOf(none), BytesOf(b),
                                         BytesOf(c),    BytesOf(none)};
    HOIST_ASSERT_OK(ReadFully(
        [&](const iovec* into, int count, off_t offset) {
          return ReadSome(into, count, offset, at_most);
        },
        1, parts));
    EXPECT_EQ(a + "|" + b + "|" + c, "12|3|45678") << at_most;
  }
}

TEST(ReadFullyTest, MorePartsThanACallTakes) {
  std::string out(kSize, '\0');
  std::vector<absl::Span<uint8_t>> parts;
  for (size_t i = 0; i < kSize; ++i) {
    parts.resize(parts.size() + 300, absl::Span<uint8_t>());
    parts.push_back(BytesOf(out).subspan(i, 1));
  }
  HOIST_ASSERT_OK(ReadFully(
      [&](const iovec* into, int count, off_t offset) {
        return ReadSome(into, count, offset, 100);
      },
      0, parts));
  EXPECT_EQ(out, kContent);

  std::string many(2000, '\0');
  parts.clear();
  for (size_t i = 0; i < many.size(); ++i) {
    parts.push_back(BytesOf(many).subspan(i, 1));
  }
  int calls = 0;
  HOIST_ASSERT_OK(ReadFully(
      [&](const iovec* into, int count, off_t) -> ssize_t {
        ++calls;
        EXPECT_LE(count, 1024);
        for (int i = 0; i < count; ++i) {
          *static_cast<char*>(into[i].iov_base) = 'x';
        }
        return count;
      },
      0, parts));
  EXPECT_GT(calls, 1);
  EXPECT_EQ(many, std::string(2000, 'x'));
}

TEST(ReadFullyTest, EndOfFileSaysWhatIsMissing) {
  std::string out(5, '\0');
  EXPECT_THAT(
      ReadInto(
          [&](const iovec* parts, int count, off_t offset) {
            return ReadSome(parts, count, offset, 100);
          },
          8, out),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("ends at byte 10"), HasSubstr("wanted 5 bytes"),
                     HasSubstr("from byte 8"), HasSubstr("got 2"))));
}

// Fails with `error_number` for the first `failures` calls.
absl::Status ReadWithErrors(int error_number, int failures, std::string& out) {
  return ReadInto(
      [&](const iovec* parts, int count, off_t offset) -> ssize_t {
        if (failures-- > 0) {
          errno = error_number;
          return -1;
        }
        return ReadSome(parts, count, offset, 100);
      },
      3, out);
}

TEST(ReadFullyTest, IoErrorsAreRetriedAFewTimes) {
  std::string out(4, '\0');
  HOIST_ASSERT_OK(ReadWithErrors(EIO, kMaxIoRetries, out));
  EXPECT_EQ(out, "3456");
  EXPECT_THAT(ReadWithErrors(EIO, kMaxIoRetries + 1, out),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("at byte 3"), HasSubstr("4 times"))));
}

TEST(ReadFullyTest, OtherErrnoIsReturnedAtOnceWithItsOffset) {
  std::string out(4, '\0');
  EXPECT_THAT(
      ReadWithErrors(ENOMEM, 1, out),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at byte 3")));
}

}  // namespace
}  // namespace hoist
