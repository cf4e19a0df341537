#include "hoist/checkpoint/scan/pickle_strings.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(UnescapeRawUnicodeTest, DecodesWhatPythonDecodes) {
  EXPECT_EQ(UnescapeRawUnicode("os"), "os");
  EXPECT_EQ(UnescapeRawUnicode("\\u006fs\\U00000073"), "oss");
  EXPECT_EQ(UnescapeRawUnicode("\\u00e9\xe9\\u20ac\\U0001f600"),
            "\xc3\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  // Backslashes pair up, and other escapes are none.
  EXPECT_EQ(UnescapeRawUnicode("\\\\u006f\\n\\u12"), "\\\\u006f\\n\\u12");
  EXPECT_EQ(UnescapeRawUnicode("\\"), "\\");
}

TEST(UnescapePythonStringTest, DecodesWhatPythonDecodes) {
  EXPECT_EQ(UnescapePythonString("'os'"), "os");
  EXPECT_EQ(UnescapePythonString("\"o's\" "), "o's");
  EXPECT_EQ(UnescapePythonString("'\\x6f\\163\\n\\\\\\'\\0'"),
            std::string("os\n\\'\0", 6));
  EXPECT_EQ(UnescapePythonString("'\\q\\xg'"), "\\q\\xg");
  EXPECT_EQ(UnescapePythonString("bare"), "bare");
  EXPECT_EQ(UnescapePythonString("'"), "'");
}

}  // namespace
}  // namespace hoist
