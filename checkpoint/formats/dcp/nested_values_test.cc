#include "hoist/checkpoint/formats/dcp/nested_values.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

// As Python shows it.
std::string Text(Value value) {
  std::string text;
  switch (value.kind()) {
    case ValueKind::kDict:
      for (size_t i = 0; i < value.size(); ++i) {
        absl::StrAppend(&text, i > 0 ? ", " : "", Text(value.key(i)), ": ",
                        Text(value.value(i)));
      }
      return absl::StrCat("{", text, "}");
    case ValueKind::kList:
      for (size_t i = 0; i < value.size(); ++i) {
        absl::StrAppend(&text, i > 0 ? ", " : "", Text(value[i]));
      }
      return absl::StrCat("[", text, "]");
    default:
      return ValueText(value);
  }
}

class NestedValuesTest : public ::testing::Test {
 protected:
  bool Add(std::vector<PathStep> path, int64_t value) {
    return nested_.Add(path, graph_.AddInt(value));
  }
  std::string Finished() {
    const absl::StatusOr<ValueId> root = nested_.Finish();
    return root.ok() ? Text(Value(&graph_, *root))
                     : std::string(root.status().message());
  }

  ValueGraph graph_;
  NestedValues nested_{graph_};
};

TEST_F(NestedValuesTest, NothingIsAnEmptyDict) { EXPECT_EQ(Finished(), "{}"); }

TEST_F(NestedValuesTest, PutsValuesIntoDictsAndLists) {
  EXPECT_TRUE(Add({"a", "x.y"}, 1));
  EXPECT_TRUE(Add({"list", int64_t{1}, "k"}, 2));
  EXPECT_TRUE(Add({"list", int64_t{0}}, 3));
  EXPECT_TRUE(Add({"a", "z"}, 4));
  EXPECT_TRUE(Add({"deep", int64_t{0}, int64_t{0}}, 5));
  EXPECT_EQ(Finished(), "{a: {x.y: 1, z: 4}, list: [3, {k: 2}], deep: [[5]]}");
}

TEST_F(NestedValuesTest, PositionsWithoutValueAreNone) {
  EXPECT_TRUE(Add({"list", int64_t{2}}, 1));
  EXPECT_EQ(Finished(), "{list: [None, None, 1]}");
}

TEST_F(NestedValuesTest, WhatIsInTheWayStays) {
  EXPECT_TRUE(Add({"a"}, 1));
  EXPECT_TRUE(Add({"b", "c"}, 2));
  EXPECT_TRUE(Add({"l", int64_t{0}}, 3));
  EXPECT_FALSE(Add({"a"}, 4));
  EXPECT_FALSE(Add({"a", "x"}, 4));
  EXPECT_FALSE(Add({"b"}, 4));
  EXPECT_FALSE(Add({"b", int64_t{0}}, 4));
  EXPECT_FALSE(Add({"l", "x"}, 4));
  EXPECT_FALSE(Add({int64_t{0}}, 4));
  EXPECT_EQ(Finished(), "{a: 1, b: {c: 2}, l: [3]}");
}

TEST_F(NestedValuesTest, APositionIsNoReasonToTakeAllMemory) {
  EXPECT_TRUE(Add({"list", int64_t{1} << 60}, 1));
  EXPECT_THAT(nested_.Finish(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(NestedValuesTest, ManyListsWithGapsAreNoneEither) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Add({absl::StrCat(i), int64_t{60'000}}, 1));
  }
  EXPECT_THAT(nested_.Finish(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(NestedValuesTest, DeepPathsDoNotRecurse) {
  EXPECT_TRUE(
      nested_.Add(std::vector<PathStep>(100'000, "a"), graph_.AddInt(1)));
  HOIST_EXPECT_OK(nested_.Finish());
}

}  // namespace
}  // namespace hoist
