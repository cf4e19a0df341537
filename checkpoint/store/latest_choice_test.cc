#include "hoist/checkpoint/store/latest_choice.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = StoredStep::State;

StoredStep Step(int64_t step, int64_t time_ns,
                State state = State::kCommitted) {
  return {.step = step,
          .name = "step-" + std::to_string(step),
          .state = state,
          .time_ns = time_ns};
}

LatestRecord Record(int64_t step, int64_t time_ns) {
  return {
      .step = step, .name = "step-" + std::to_string(step), .time_ns = time_ns};
}

TEST(LatestChoiceTest, WithoutARecordItIsTheHighestStepThatIsWhole) {
  EXPECT_EQ(ChooseLatest({}, std::nullopt).index, -1);
  const std::vector<StoredStep> steps = {Step(9, 1), Step(100, 2),
                                         Step(1000, 3, State::kIncomplete)};
  const LatestChoice choice = ChooseLatest(steps, std::nullopt);
  EXPECT_EQ(choice.index, 1);
  EXPECT_THAT(choice.warning, IsEmpty());
}

TEST(LatestChoiceTest, HigherStepsOfAnOlderRunDoNotShadowTheNewRun) {
  const std::vector<StoredStep> steps = {Step(10, 50), Step(1000, 3)};
  const LatestChoice choice = ChooseLatest(steps, Record(10, 51));
  EXPECT_EQ(choice.index, 0);
  EXPECT_THAT(choice.warning, IsEmpty());
}

TEST(LatestChoiceTest, WhatWasSavedAfterTheRecordIsLater) {
  const std::vector<StoredStep> steps = {Step(10, 50), Step(20, 60),
                                         Step(1000, 3)};
  const LatestChoice choice = ChooseLatest(steps, Record(10, 51));
  EXPECT_EQ(choice.index, 1);
  EXPECT_THAT(choice.warning, HasSubstr("step-20 was saved after it"));
}

TEST(LatestChoiceTest, ARecordThatDanglesIsNotFollowed) {
  const std::vector<StoredStep> steps = {Step(1100, 1),
                                         Step(1200, 2, State::kIncomplete)};
  EXPECT_EQ(ChooseLatest(steps, Record(1200, 3)).index, 0);
  EXPECT_EQ(ChooseLatest(steps, Record(1200, 3)).warning,
            "The record names step-1200, which is incomplete; the newest that "
            "is valid is step-1100");
  EXPECT_THAT(ChooseLatest(steps, Record(1300, 3)).warning,
              HasSubstr("is not there"));
  EXPECT_EQ(ChooseLatest({}, Record(1300, 3)).index, -1);
  EXPECT_THAT(ChooseLatest({}, Record(1300, 3)).warning,
              HasSubstr("none is valid"));
}

}  // namespace
}  // namespace hoist
