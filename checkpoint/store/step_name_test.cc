#include "hoist/checkpoint/store/step_name.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(StepNameTest, ReadsNumbersWhateverTheirPadding) {
  for (const char* const name :
       {"step-1200.hoist", "step_001200", "checkpoint-1200", "global_step1200",
        "iter_0001200", "ckpt_1200.pt", "001200", "model-1200.safetensors",
        "epoch=3-step=1200.ckpt", "epoch=3-step=1200-v1.ckpt",
        "run-epoch=00-step=001200.ckpt"}) {
    const auto parsed = ParseStepName(name);
    ASSERT_TRUE(parsed.has_value()) << name;
    EXPECT_EQ(parsed->step, 1200) << name;
  }
}

TEST(StepNameTest, ReadsWhatLightningPutsIntoNames) {
  const auto parsed = ParseStepName("m-epoch=02-val_loss=-1.5e-3-x=0.25.ckpt");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_FALSE(parsed->step.has_value());
  EXPECT_THAT(parsed->metrics,
              ElementsAre(Pair("epoch", 2), Pair("val_loss", -1.5e-3),
                          Pair("x", 0.25)));
  ASSERT_TRUE(ParseStepName("last.ckpt").has_value());
  EXPECT_FALSE(ParseStepName("last.ckpt")->step.has_value());
}

TEST(StepNameTest, OtherNamesAreNone) {
  for (const char* const name :
       {"", "config.json", "step", "step-", "step-12.txt", "step-12.hoist.json",
        "last.pt", ".step-12.hoist.hoist-1-2.tmp", "latest.json", "12a",
        "99999999999999999999", "-5", "step--5", "notes.ckpt"}) {
    EXPECT_FALSE(ParseStepName(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace hoist
