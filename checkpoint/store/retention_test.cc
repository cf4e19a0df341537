#include "hoist/checkpoint/store/retention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = StoredStep::State;

constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;

StoredStep Step(int64_t step, double loss = std::nan("")) {
  StoredStep stored = {.step = step,
                       .name = "step-" + std::to_string(step),
                       .time_ns = step * 10,
                       .is_own = true};
  if (!std::isnan(loss)) {
    stored.metrics["loss"] = loss;
  }
  return stored;
}

// The steps that remain, without a record of the latest.
std::vector<int64_t> Kept(const std::vector<StoredStep>& steps,
                          const RetentionPolicy& policy, int latest = -1) {
  const auto plan = PlanRetention(steps, latest, policy);
  EXPECT_THAT(plan, IsOk());
  std::vector<int64_t> kept;
  for (const RetentionDecision& decision : *plan) {
    if (decision.keep) {
      kept.push_back(steps[decision.index].step);
    }
  }
  return kept;
}

TEST(RetentionTest, TheLastOnesAreThoseOfTheHighestSteps) {
  const std::vector<StoredStep> steps = {Step(1000), Step(9), Step(90)};
  EXPECT_THAT(Kept(steps, {.keep_last = 1}), ElementsAre(1000));
  EXPECT_THAT(Kept(steps, {.keep_last = 2}), ElementsAre(1000, 90));
  EXPECT_THAT(Kept(steps, {.keep_last = 7}), ElementsAre(1000, 9, 90));
}

TEST(RetentionTest, BestIsCountedApartFromLast) {
  const std::vector<StoredStep> steps = {Step(1, 0.5), Step(2, 0.1),
                                         Step(3, 0.7), Step(4), Step(5, 0.1)};
  RetentionPolicy policy = {.keep_last = 1, .keep_best = 1, .metric = "loss"};
  EXPECT_THAT(Kept(steps, policy), ElementsAre(5));  // of equal ones the newer
  policy.keep_best = 2;
  EXPECT_THAT(Kept(steps, policy), ElementsAre(2, 5));
  policy = {.keep_best = 1, .metric = "loss", .higher_is_better = true};
  EXPECT_THAT(Kept(steps, policy), ElementsAre(3, 5));
}

TEST(RetentionTest, RulesOfStepsAndTimesCombine) {
  std::vector<StoredStep> steps;
  for (int64_t step = 1; step <= 12; ++step) {
    steps.push_back(Step(step));
  }
  EXPECT_THAT(Kept(steps, {.every_steps = 5}), ElementsAre(5, 10, 12));
  EXPECT_THAT(Kept(steps, {.every_time_ns = 40}), ElementsAre(1, 5, 9, 12));
  EXPECT_THAT(Kept(steps, {.every_steps = 5, .every_time_ns = 60}),
              ElementsAre(1, 5, 7, 10, 12));
}

TEST(RetentionTest, PinnedLatestAndForeignOnesStay) {
  std::vector<StoredStep> steps = {Step(1), Step(2), Step(3), Step(4)};
  steps[0].is_pinned = true;
  steps[1].is_own = false;
  EXPECT_THAT(Kept(steps, {.keep_last = 1}), ElementsAre(1, 2, 4));
  EXPECT_THAT(Kept(steps, {.keep_last = 1}, 2), ElementsAre(1, 2, 3, 4));
}

TEST(RetentionTest, WhatIsNotWholeIsRemovedOnlyIfAskedForAndOlder) {
  std::vector<StoredStep> steps = {Step(1), Step(2), Step(3), Step(4)};
  steps[0].state = State::kIncomplete;
  steps[1].state = State::kUnreadable;
  steps[3].state = State::kDamaged;  // newer than all that are whole
  EXPECT_THAT(Kept(steps, {.keep_last = 1}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Kept(steps, {.remove_damaged = true}), ElementsAre(2, 3, 4));
  steps[2].state = State::kDamaged;
  EXPECT_THAT(Kept(steps, {.remove_damaged = true}), ElementsAre(1, 2, 3, 4));
}

TEST(RetentionTest, PoliciesThatCouldMeanEverythingAreRefused) {
  const std::vector<StoredStep> steps = {Step(1)};
  EXPECT_THAT(PlanRetention(steps, -1, {}),
              StatusIs(kInvalidArgument, HasSubstr("No rule")));
  for (const int64_t number : {int64_t{0}, int64_t{-1}}) {
    EXPECT_THAT(PlanRetention(steps, -1, {.keep_last = number}),
                StatusIs(kInvalidArgument));
    EXPECT_THAT(PlanRetention(steps, -1, {.every_steps = number}),
                StatusIs(kInvalidArgument));
    EXPECT_THAT(PlanRetention(steps, -1, {.every_time_ns = number}),
                StatusIs(kInvalidArgument));
    EXPECT_THAT(
        PlanRetention(steps, -1, {.keep_best = number, .metric = "loss"}),
        StatusIs(kInvalidArgument));
  }
  EXPECT_THAT(PlanRetention(steps, -1, {.keep_best = 1}),
              StatusIs(kInvalidArgument, HasSubstr("metric")));
}

TEST(RetentionTest, WhateverThePolicyWhatMustStayStays) {
  std::mt19937_64 random(3);
  const auto below = [&random](uint64_t count) {
    return static_cast<int64_t>(random() % count);
  };
  for (int round = 0; round < 20000; ++round) {
    std::vector<StoredStep> steps;
    std::vector<int> committed;
    for (int64_t i = below(9); i > 0; --i) {
      StoredStep step =
          Step(below(30), below(2) == 0 ? std::nan("") : below(4));
      step.time_ns =
          below(5) == 0 ? std::numeric_limits<int64_t>::min() : below(300);
      step.state = static_cast<State>(below(5) == 0 ? below(4) : 0);
      step.is_own = below(8) != 0;
      step.is_pinned = below(8) == 0;
      if (step.is_committed()) {
        committed.push_back(static_cast<int>(steps.size()));
      }
      steps.push_back(step);
    }
    RetentionPolicy policy = {.metric = "loss",
                              .higher_is_better = below(2) == 0,
                              .remove_damaged = below(2) == 0};
    const auto maybe = [&](std::optional<int64_t>& rule, int64_t most) {
      if (below(2) == 0) {
        rule = 1 + below(most);
      }
    };
    maybe(policy.keep_last, 4);
    maybe(policy.keep_best, 3);
    maybe(policy.every_steps, 10);
    maybe(policy.every_time_ns, 100);
    const int latest = committed.empty() || below(2) == 0
                           ? -1
                           : committed[below(committed.size())];
    const auto plan = PlanRetention(steps, latest, policy);
    if (!plan.ok()) {
      EXPECT_THAT(plan, StatusIs(kInvalidArgument));
      continue;
    }
    ASSERT_EQ(plan->size(), steps.size());
    std::set<int> kept;
    std::multiset<int64_t> highest;
    int64_t kept_committed = 0;
    for (size_t i = 0; i < plan->size(); ++i) {
      const RetentionDecision& decision = (*plan)[i];
      ASSERT_EQ(decision.index, static_cast<int>(i));
      EXPECT_FALSE(decision.reason.empty());
      const StoredStep& step = steps[i];
      if (decision.keep) {
        kept.insert(static_cast<int>(i));
        kept_committed += step.is_committed() ? 1 : 0;
      } else {
        EXPECT_TRUE(step.is_own);
        EXPECT_FALSE(step.is_pinned);
        EXPECT_NE(decision.index, latest);
        EXPECT_TRUE(step.is_committed() || policy.remove_damaged);
        EXPECT_NE(step.state, State::kUnreadable);
      }
      if (step.is_committed()) {
        highest.insert(step.step);
      }
    }
    // What is valid never ends, and the highest step is among it.
    if (!committed.empty()) {
      EXPECT_GE(kept_committed, 1);
      EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [&](int i) {
        return steps[i].is_committed() && steps[i].step == *highest.rbegin();
      }));
    } else {
      EXPECT_EQ(kept.size(), steps.size());
    }
    if (policy.keep_last) {
      EXPECT_GE(kept_committed,
                std::min<int64_t>(*policy.keep_last, committed.size()));
    }
    if (policy.keep_best) {
      const std::vector<int> best =
          ByMetric(steps, "loss", policy.higher_is_better);
      for (size_t i = 0;
           i < best.size() && static_cast<int64_t>(i) < *policy.keep_best;
           ++i) {
        EXPECT_TRUE(kept.contains(best[i]));
      }
    }
    for (const int i : committed) {
      if (policy.every_steps && steps[i].step % *policy.every_steps == 0) {
        EXPECT_TRUE(kept.contains(i));
      }
    }
    // To prune twice is to prune once, as long as no rule counts by times.
    if (!policy.every_time_ns && latest < 0) {
      std::vector<StoredStep> left;
      for (const int i : kept) {
        left.push_back(steps[i]);
      }
      EXPECT_EQ(Kept(left, policy).size(), left.size());
    }
  }
}

}  // namespace
}  // namespace hoist
