#include "hoist/checkpoint/store/store_records.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST(StoreRecordsTest, AreReadAsTheyWereWritten) {
  const StepRecord step = {
      .step = 7,
      .time_ns = 1'700'000'000'000'000'001,
      .metrics = {{"loss", 0.1},
                  {"far", std::numeric_limits<double>::infinity()}},
      .is_pinned = true};
  EXPECT_EQ(*ParseStepRecord(StepRecordText(step)), step);
  const StepRecord bad = {.metrics = {{"loss", std::nan("")}}};
  EXPECT_TRUE(
      std::isnan(ParseStepRecord(StepRecordText(bad))->metrics.at("loss")));
  const LatestRecord latest = {.step = 7, .name = "step-7", .time_ns = 5};
  EXPECT_EQ(*ParseLatestRecord(LatestRecordText(latest)), latest);
}

TEST(StoreRecordsTest, WhatIsCutOffOrChangedIsNoRecord) {
  const std::string step = StepRecordText({.step = 7, .metrics = {{"a", 1}}});
  const std::string latest = LatestRecordText({.step = 7, .name = "step-7"});
  for (size_t i = 0; i + 2 < step.size(); ++i) {
    EXPECT_THAT(ParseStepRecord(step.substr(0, i)), StatusIs(kDataLoss));
  }
  for (size_t i = 0; i + 2 < latest.size(); ++i) {
    EXPECT_THAT(ParseLatestRecord(latest.substr(0, i)), StatusIs(kDataLoss));
  }
  EXPECT_THAT(ParseStepRecord(latest), StatusIs(kDataLoss));
  EXPECT_THAT(ParseLatestRecord(step), StatusIs(kDataLoss));
  EXPECT_THAT(ParseStepRecord("[1]"), StatusIs(kDataLoss));
}

TEST(StoreRecordsTest, ReadsTheStateOfATrainer) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TrainerState state,
      ParseTrainerState(R"({"best_metric": 0.5, "global_step": 500,
        "log_history": [{"loss": 2.0, "step": 400},
                        {"loss": 1.0, "learning_rate": 1e-5, "step": 500},
                        {"eval_loss": 0.5, "epoch": 1.0, "step": 500}]})"));
  EXPECT_EQ(state.step, 500);
  EXPECT_THAT(state.metrics,
              ElementsAre(Pair("epoch", 1), Pair("eval_loss", 0.5),
                          Pair("learning_rate", 1e-5), Pair("loss", 1)));
  EXPECT_THAT(ParseTrainerState("{}"), StatusIs(kDataLoss));
  EXPECT_THAT(ParseTrainerState(R"({"global_step": 500)"), StatusIs(kDataLoss));
}

}  // namespace
}  // namespace hoist
