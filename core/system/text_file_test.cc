#include "hoist/core/system/text_file.h"

#include <string>

#include "gtest/gtest.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

TEST(TextFileTest, ReadsTheWholeFile) {
  for (const size_t size : {0, 1, 4095, 4096, 4097, 16 << 20}) {
    const std::string text(size, 'x');
    EXPECT_EQ(ReadTextFile(WriteTempFile("text", text)), text) << size;
  }
}

TEST(TextFileTest, ReadsWhatTheKernelMakes) {
  const auto text = ReadTextFile("/proc/self/status");
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->rfind("Name:", 0), 0u);
  EXPECT_EQ(text->back(), '\n');
}

TEST(TextFileTest, IsNothingWithoutAFile) {
  EXPECT_EQ(ReadTextFile("/nowhere/at/all"), std::nullopt);
  EXPECT_EQ(ReadTextFile("/proc"), std::nullopt);
}

TEST(TextFileTest, IsBounded) {
  const std::string text((16 << 20) + 1, 'x');
  EXPECT_EQ(ReadTextFile(WriteTempFile("text", text)), std::nullopt);
  EXPECT_EQ(ReadTextFile("/dev/zero"), std::nullopt);
}

}  // namespace
}  // namespace hoist
