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

TEST(NamePartsTest, PlainNames) {
  EXPECT_TRUE(IsPlainName("h.0.attn_1.weight"));
  for (const char* const name : {"a*", "a\\1", "a[0]", "a?", "(a)", "a\n"}) {
    EXPECT_FALSE(IsPlainName(name)) << name;
  }
  EXPECT_FALSE(IsPlainName("0.1.2.3.4.5.6.7.8"));
}

TEST(NamePartsTest, TemplatesAsPatternsAndNames) {
  EXPECT_EQ(TemplateRegex("h.*.w"), "h\\.([0-9]+)\\.w");
  EXPECT_EQ(TemplateFill("h.*.e.*.w"), "h.\\1.e.\\2.w");
  EXPECT_EQ(TemplateFill("h.*.w", 3), "h.\\3.w");
  EXPECT_EQ(TemplateName("h.*.e.*.w", {3, 12}), "h.3.e.12.w");
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
