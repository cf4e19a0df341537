#include "hoist/tools/commands/interrupt.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(InterruptHandlerTest, ASignalCancels) {
  for (const int signal_number : {SIGINT, SIGTERM}) {
    CancelToken token;
    const InterruptHandler handler(token);
    EXPECT_FALSE(token.is_cancelled());
    raise(signal_number);
    EXPECT_TRUE(token.is_cancelled());
    EXPECT_EQ(token.reason(), signal_number);
  }
}

TEST(InterruptHandlerDeathTest, ASecondSignalEndsTheProcess) {
  for (const int second : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          CancelToken token;
          const InterruptHandler handler(token);
          raise(SIGINT);
          raise(second);
        },
        testing::KilledBySignal(second), "");
  }
}

TEST(InterruptHandlerDeathTest, AfterItASignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        CancelToken token;
        { const InterruptHandler handler(token); }
        raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(InterruptHandlerTest, WhatIsIgnoredStaysIgnored) {
  signal(SIGINT, SIG_IGN);
  CancelToken token;
  {
    const InterruptHandler handler(token);
    raise(SIGINT);
    EXPECT_FALSE(token.is_cancelled());
    raise(SIGTERM);
    EXPECT_TRUE(token.is_cancelled());
  }
  EXPECT_EQ(signal(SIGINT, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace hoist
