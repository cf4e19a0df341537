#include "hoist/checkpoint/migrate/name_selector.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::HasSubstr;

TEST(NameSelectorTest, GlobsMeanWholeNamesAndLayers) {
  HOIST_ASSERT_OK_AND_ASSIGN(const NameSelector fc, NameSelector::Glob("fc"));
  EXPECT_TRUE(fc.Means("fc"));
  EXPECT_TRUE(fc.Means("fc.weight"));
  EXPECT_FALSE(fc.Means("fc2"));
  EXPECT_FALSE(fc.Means("net.fc"));
  EXPECT_THAT(NameSelector::Glob("a[0"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NameSelectorTest, RegularExpressionsFitAnywhere) {
  HOIST_ASSERT_OK_AND_ASSIGN(const NameSelector odd,
                             NameSelector::Regex("\\.[13]\\."));
  EXPECT_TRUE(odd.Means("a.1.w"));
  EXPECT_FALSE(odd.Means("a.2.w"));
  HOIST_ASSERT_OK_AND_ASSIGN(const NameSelector byte,
                             NameSelector::Regex("^a.$"));
  EXPECT_TRUE(byte.Means("a\xff"));
  EXPECT_THAT(NameSelector::Regex("("),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is no regular expression")));
}

}  // namespace
}  // namespace hoist
