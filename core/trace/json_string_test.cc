#include "hoist/core/trace/json_string.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

std::string Parsed(absl::string_view text) {
  return nlohmann::json::parse(JsonString(text)).get<std::string>();
}

TEST(JsonStringTest, QuotesText) {
  EXPECT_EQ(JsonString(""), "\"\"");
  EXPECT_EQ(JsonString("layers.0"), "\"layers.0\"");
  EXPECT_EQ(JsonString("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
}

TEST(JsonStringTest, EveryByteOfAsciiSurvives) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text(2, static_cast<char>(byte));
    EXPECT_EQ(Parsed(text), text) << byte;
  }
}

TEST(JsonStringTest, Utf8Survives) {
  for (const std::string text :
       {"\u0080", "\u00e9", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff",
        "\U00010000", "\U0001f600", "\U0010ffff", "a\u00e9b\u6f22c"}) {
    EXPECT_EQ(Parsed(text), text);
  }
}

TEST(JsonStringTest, OtherBytesAreReplaced) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(Parsed("\xff"), bad);
  EXPECT_EQ(Parsed("a\x80z"), "a" + bad + "z");
  EXPECT_EQ(Parsed("\xc3"), bad);                      // cut short
  EXPECT_EQ(Parsed("\xc3z"), bad + "z");               // not continued
  EXPECT_EQ(Parsed("\xe2\x82"), bad + bad);            // cut short
  EXPECT_EQ(Parsed("\xc1\xbf"), bad + bad);            // overlong
  EXPECT_EQ(Parsed("\xe0\x9f\xbf"), bad + bad + bad);  // overlong
  EXPECT_EQ(Parsed("\xed\xa0\x80"), bad + bad + bad);  // surrogate
  EXPECT_EQ(Parsed("\xf4\x90\x80\x80"), bad + bad + bad + bad);  // too large
  EXPECT_EQ(Parsed("\xf8\x88\x80\x80"), bad + bad + bad + bad);
}

}  // namespace
}  // namespace hoist
