#include "hoist/checkpoint/pickle/text_escapes.h"

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

TEST(DecodePythonStringTest, KnowsPythonsEscapes) {
  EXPECT_EQ(*DecodePythonString(R"('a\n\t\\\'\x41\101\0z')"),
            std::string("a\n\t\\'AA\0z", 9));
  EXPECT_EQ(*DecodePythonString(R"("it's")"), "it's");
  EXPECT_EQ(*DecodePythonString(R"('\q')"), "\\q");
}

TEST(DecodePythonStringTest, RefusesWhatIsNoLiteral) {
  for (const char* text : {"", "'", "a", "'a\"", R"('\x4')", R"('\x')"}) {
    EXPECT_THAT(DecodePythonString(text).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << text;
  }
}

TEST(DecodeRawUnicodeTest, GivesUtf8) {
  EXPECT_EQ(*DecodeRawUnicode("caf\xe9 \\u20ac \\U0001f600 \\n"),
            "caf\u00e9 \u20ac \U0001f600 \\n");
  EXPECT_EQ(*DecodeRawUnicode("\\ud800"), "\xed\xa0\x80");
}

TEST(DecodeRawUnicodeTest, RefusesHalfAnEscape) {
  for (const char* text : {"\\u12", "\\U0011ffff", "\\u12g4"}) {
    EXPECT_THAT(DecodeRawUnicode(text).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << text;
  }
}

TEST(DecimalToBytesTest, IsTwosComplement) {
  EXPECT_EQ(*DecimalToBytes("18446744073709551616"),
            std::string("\0\0\0\0\0\0\0\0\1\0", 10));
  EXPECT_EQ(*DecimalToBytes("-18446744073709551616"),
            std::string("\0\0\0\0\0\0\0\0\xff\xff", 10));
  EXPECT_EQ(*DecimalToBytes("+9223372036854775808"),
            std::string("\0\0\0\0\0\0\0\x80\0", 9));
}

TEST(DecimalToBytesTest, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "-", "12a", " 1", "1 "}) {
    EXPECT_THAT(DecimalToBytes(text).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << text;
  }
}

}  // namespace
}  // namespace hoist
