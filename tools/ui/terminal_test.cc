#include "hoist/tools/ui/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace hoist {
namespace {

// A pseudo terminal, as a terminal window has one.
class TerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    main_ = posix_openpt(O_RDWR | O_NOCTTY);
    if (main_ < 0 || grantpt(main_) != 0 || unlockpt(main_) != 0) {
      GTEST_SKIP() << "no pseudo terminals here";
    }
    terminal_ = open(ptsname(main_), O_RDWR | O_NOCTTY);
    if (terminal_ < 0) {
      GTEST_SKIP() << "no pseudo terminals here";
    }
  }
  void TearDown() override {
    close(terminal_);
    close(main_);
  }

  int main_ = -1;
  int terminal_ = -1;
};

TEST_F(TerminalTest, HasColorAndWidth) {
  const Terminal terminal = DetectTerminal(terminal_);
  EXPECT_TRUE(terminal.is_terminal);
  EXPECT_TRUE(terminal.has_color);
  EXPECT_EQ(terminal.width, 80);
}

TEST_F(TerminalTest, HasNoColorWhereTheUserWantsNone) {
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(DetectTerminal(terminal_).has_color);
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(DetectTerminal(terminal_).has_color);
}

TEST(DetectTerminalTest, APipeIsNone) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Terminal terminal = DetectTerminal(ends[1]);
  EXPECT_FALSE(terminal.is_terminal);
  EXPECT_FALSE(terminal.has_color);
  EXPECT_EQ(terminal.width, 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace hoist
