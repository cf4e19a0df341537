#include "hoist/core/status/status_macros.h"

#include <memory>

#include "gtest/gtest.h"

namespace hoist {
namespace {

absl::StatusOr<std::unique_ptr<int>> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return std::make_unique<int>(n / 2);
}

absl::StatusOr<int> Quarter(int n) {
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(n));
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<int> quarter, Half(*half));
  return *quarter;
}

absl::Status OnlyOk(const absl::Status& status, bool* reached) {
  HOIST_RETURN_IF_ERROR(status);
  *reached = true;
  return absl::OkStatus();
}

TEST(StatusMacrosTest, AssignsOrReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
}

TEST(StatusMacrosTest, ReturnsOnlyErrors) {
  bool reached = false;
  EXPECT_TRUE(OnlyOk(absl::OkStatus(), &reached).ok());
  EXPECT_TRUE(reached);
  reached = false;
  EXPECT_FALSE(OnlyOk(absl::DataLossError("x"), &reached).ok());
  EXPECT_FALSE(reached);
}

}  // namespace
}  // namespace hoist
