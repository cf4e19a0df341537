#ifndef HOIST_CORE_TESTING_STATUS_MATCHERS_H_
#define HOIST_CORE_TESTING_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace hoist {
namespace testing_internal {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace testing_internal

// EXPECT_THAT(status, IsOk());
MATCHER(IsOk, "is ok") {
  const absl::Status& status = testing_internal::StatusOf(arg);
  *result_listener << status.ToString();
  return status.ok();
}

// EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("…")));
MATCHER_P2(StatusIs, code, message, "has the code and message") {
  const absl::Status& status = testing_internal::StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Value(std::string(status.message()), message);
}

// EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
template <typename Code>
auto StatusIs(Code code) {
  return StatusIs(code, ::testing::_);
}

}  // namespace hoist

#define HOIST_ASSERT_OK(expression) ASSERT_THAT(expression, ::hoist::IsOk())
#define HOIST_EXPECT_OK(expression) EXPECT_THAT(expression, ::hoist::IsOk())

// HOIST_ASSERT_OK_AND_ASSIGN(auto value, MakeStatusOr());
#define HOIST_ASSERT_OK_AND_ASSIGN(lhs, expression) \
  HOIST_ASSERT_OK_AND_ASSIGN_IMPL_(                 \
      HOIST_TEST_CONCAT_(hoist_statusor_, __LINE__), lhs, expression)
#define HOIST_ASSERT_OK_AND_ASSIGN_IMPL_(statusor, lhs, expression) \
  auto statusor = (expression);                                     \
  ASSERT_TRUE(statusor.ok()) << statusor.status();                  \
  lhs = *std::move(statusor)
#define HOIST_TEST_CONCAT_(a, b) HOIST_TEST_CONCAT_IMPL_(a, b)
#define HOIST_TEST_CONCAT_IMPL_(a, b) a##b

#endif  // HOIST_CORE_TESTING_STATUS_MATCHERS_H_
