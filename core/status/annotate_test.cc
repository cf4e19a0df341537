#include "hoist/core/status/annotate.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::StartsWith;

TEST(AnnotateTest, PutsContextFirstAndKeepsCodeAndPayloads) {
  absl::Status status = absl::DataLossError("Record is short");
  status.SetPayload("key", absl::Cord("value"));
  const absl::Status annotated = Annotate(status, "\"a.pt\"");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(annotated.message(), "\"a.pt\": Record is short");
  EXPECT_EQ(annotated.GetPayload("key"), absl::Cord("value"));
}

TEST(AnnotateTest, OkStaysOk) {
  EXPECT_TRUE(Annotate(absl::OkStatus(), "context").ok());
  EXPECT_TRUE(WithHint(absl::OkStatus(), "hint").ok());
}

TEST(AnnotateTest, TheFirstHintIsKeptThroughAnnotations) {
  absl::Status status = WithHint(absl::DataLossError("cut off"), "copy again");
  status = WithHint(Annotate(status, "a.pt"), "something vaguer");
  EXPECT_EQ(HintOf(status), "copy again");
  EXPECT_EQ(HintOf(absl::DataLossError("cut off")), "");
}

TEST(AnnotateTest, ErrnoChoosesTheCode) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(EEXIST, "x").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrnoStatus(EOPNOTSUPP, "x").code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ErrnoStatus(EACCES, "x").code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "x").code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EISDIR, "x").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrnoStatus(EIO, "x").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ErrnoStatus(EBADF, "x").code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(std::string(ErrnoStatus(ENOENT, "Opening").message()),
              StartsWith("Opening: No such file"));
}

}  // namespace
}  // namespace hoist
