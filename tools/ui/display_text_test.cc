#include "hoist/tools/ui/display_text.h"

#include <string>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(DisplayTextTest, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(DisplayText(""), "");
  EXPECT_EQ(DisplayText("layer.0.weight"), "layer.0.weight");
  EXPECT_EQ(DisplayText("größe 重み"), "größe 重み");
}

TEST(DisplayTextTest, SpellsControlCharacters) {
  EXPECT_EQ(DisplayText("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(DisplayText("a\nb\tc\rd\x7f"), "a\\nb\\tc\\rd\\x7f");
  EXPECT_EQ(DisplayText(std::string("\0x", 2)), "\\x00x");
  // C1 controls are one character in some terminals' eyes: U+009B starts a
  // sequence.
  EXPECT_EQ(DisplayText("\xc2\x9b"), "\\u009b");
}

TEST(DisplayTextTest, SpellsInvisibleAndDirectionChangingCharacters) {
  EXPECT_EQ(DisplayText("a\u202e\u200bb\ufeff"), "a\\u202e\\u200bb\\ufeff");
  EXPECT_EQ(DisplayText("\U000e0041"), "\\U000e0041");
}

TEST(DisplayTextTest, SpellsBytesThatAreNotUtf8) {
  EXPECT_EQ(DisplayText("a\xff"), "a\\xff");
  EXPECT_EQ(DisplayText("\xc3"), "\\xc3");           // cut off
  EXPECT_EQ(DisplayText("\xc0\xaf"), "\\xc0\\xaf");  // overlong
  EXPECT_EQ(DisplayText("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(DisplayText("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(DisplayText("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(DisplayTextTest, ShortensTheMiddle) {
  EXPECT_EQ(DisplayText("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(DisplayText("abcdefghijk", 10), "abcd...ijk");
  const std::string huge(100'000, 'x');
  EXPECT_EQ(DisplayText(huge, 20), "xxxxxxxxx...xxxxxxxx");
}

TEST(DisplayTextTest, ShortensBetweenCharactersAndEscapes) {
  EXPECT_EQ(DisplayText("重重重重重重重重", 10), "重重...重");
  const std::string bells(100, '\a');
  EXPECT_EQ(DisplayText(bells, 11), "\\x07...\\x07");
}

TEST(DisplayTextTest, LimitsCharactersWithoutWidth) {
  std::string text = "a";
  for (int i = 0; i < 50'000; ++i) {
    text += "\u0301";
  }
  EXPECT_LT(DisplayText(text, 40).size(), 1000u);
}

TEST(DisplayWidthTest, CountsColumns) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("größe"), 5u);
  EXPECT_EQ(DisplayWidth("重み"), 4u);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u);
}

}  // namespace
}  // namespace hoist
