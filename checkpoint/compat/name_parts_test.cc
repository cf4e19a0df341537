#include "hoist/checkpoint/compat/name_parts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NamePartsTest, LayerNumbers) {
  EXPECT_TRUE(IsLayerNumber("0"));
  EXPECT_TRUE(IsLayerNumber("123456789"));
  EXPECT_FALSE(IsLayerNumber(""));
  EXPECT_FALSE(IsLayerNumber("01"));
  EXPECT_FALSE(IsLayerNumber("1234567890"));
  EXPECT_FALSE(IsLayerNumber("a1"));
}

TEST(NamePartsTest, Templates) {
  const NameTemplate name = TemplateOf("h.3.moe.12.w1.weight");
  EXPECT_EQ(name.text, "h.*.moe.*.w1.weight");
  EXPECT_THAT(name.numbers, ElementsAre(3, 12));
  EXPECT_EQ(TemplateOf("a..b").text, "a..b");
  EXPECT_THAT(TemplateOf("").numbers, IsEmpty());
}

TEST(NamePartsTest, EditDistances) {
  EXPECT_EQ(EditDistance("weight", "weight", 2), 0u);
  EXPECT_EQ(EditDistance("weight", "wieght", 2), 1u);
  EXPECT_EQ(EditDistance("weight", "wight", 2), 1u);
  EXPECT_EQ(EditDistance("weight", "bias", 2), 3u);
  EXPECT_EQ(EditDistance("", "abc", 2), 3u);
  EXPECT_EQ(EditDistance("", "ab", 2), 2u);
}

}  // namespace
}  // namespace hoist
