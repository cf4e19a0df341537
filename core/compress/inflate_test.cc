#include "hoist/core/compress/inflate.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

std::string Content(size_t size, bool is_random) {
  std::string content(size, '\0');
  uint32_t state = 1;
  for (char& c : content) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(is_random ? state >> 24 : "abcd"[state >> 30]);
  }
  return content;
}

// Reads `size` bytes in pieces, and expects the end.
absl::StatusOr<std::string> Inflate(const std::string& deflated, size_t size,
                                    size_t piece) {
  auto file = OpenFile(WriteTempFile("deflated", "before" + deflated));
  HOIST_EXPECT_OK(file.status());
  InflateReader reader(**file, 6, deflated.size());
  std::string out(size, '\0');
  for (size_t at = 0; at < size; at += piece) {
    const absl::Status status =
        reader.Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()) + at,
                                   std::min(piece, size - at)));
    if (!status.ok()) {
      return status;
    }
  }
  const absl::Status status = reader.ExpectEnd();
  if (!status.ok()) {
    return status;
  }
  return out;
}

TEST(InflateReaderTest, GivesWhatWasDeflated) {
  for (const bool is_random : {false, true}) {
    for (const size_t size : {0, 1, 1000, 700'000}) {
      for (const int level : {0, 1, 9}) {
        const std::string content = Content(size, is_random);
        const std::string deflated = RawDeflate(content, level);
        for (const size_t piece : {size_t{1} << 20, size_t{1000}}) {
          HOIST_ASSERT_OK_AND_ASSIGN(const std::string inflated,
                                     Inflate(deflated, size, piece));
          EXPECT_TRUE(inflated == content) << size << " " << level;
        }
      }
    }
  }
}

TEST(InflateReaderTest, EveryTruncationIsAnError) {
  const std::string content = Content(300, false);
  const std::string deflated = RawDeflate(content, 9);
  for (size_t size = 0; size < deflated.size(); ++size) {
    EXPECT_THAT(Inflate(deflated.substr(0, size), content.size(), 1000),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

TEST(InflateReaderTest, MoreOrLessThanRecordedIsAnError) {
  const std::string content = Content(300, false);
  const std::string deflated = RawDeflate(content, 9);
  EXPECT_THAT(Inflate(deflated, 299, 1000),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("more than")));
  EXPECT_THAT(Inflate(deflated, 301, 1000),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("early")));
  EXPECT_THAT(Inflate(deflated + "xyz", 300, 1000),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("follow")));
}

TEST(InflateReaderTest, WhatIsNoDeflateIsAnError) {
  EXPECT_THAT(Inflate(std::string(100, '\xff'), 300, 1000),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace hoist
