#include "hoist/checkpoint/compat/state_dict_match.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TensorOutline Outline(std::string name, std::vector<int64_t> shape,
                      DType dtype = DType::kFloat32) {
  return {std::move(name), dtype, std::move(shape)};
}

TEST(MatchStateDictTest, EqualFits) {
  const std::vector<TensorOutline> tensors = {Outline("a", {2, 3}),
                                              Outline("b", {})};
  const StateDictMatch match = MatchStateDict(tensors, tensors);
  EXPECT_TRUE(match.fits());
  EXPECT_EQ(match.matched, 2u);
}

TEST(MatchStateDictTest, MissingAndUnexpected) {
  const StateDictMatch match =
      MatchStateDict({Outline("a", {1}), Outline("z", {1}), Outline("c", {1})},
                     {Outline("c", {1}), Outline("b", {1}), Outline("d", {1})});
  EXPECT_FALSE(match.fits());
  EXPECT_THAT(match.missing, ElementsAre("b", "d"));
  EXPECT_THAT(match.unexpected, ElementsAre("a", "z"));
  EXPECT_EQ(match.matched, 1u);
}

TEST(MatchStateDictTest, ShapeDiffers) {
  const StateDictMatch match =
      MatchStateDict({Outline("a", {2, 3})}, {Outline("a", {3, 2})});
  EXPECT_FALSE(match.fits());
  ASSERT_EQ(match.shapes.size(), 1u);
  EXPECT_THAT(match.shapes[0].in_file, ElementsAre(2, 3));
  EXPECT_THAT(match.shapes[0].in_target, ElementsAre(3, 2));
}

// load_state_dict() converts.
TEST(MatchStateDictTest, DTypeDiffersAndFits) {
  const StateDictMatch match =
      MatchStateDict({Outline("a", {2}, DType::kFloat16)}, {Outline("a", {2})});
  EXPECT_TRUE(match.fits());
  ASSERT_EQ(match.dtypes.size(), 1u);
  EXPECT_EQ(match.dtypes[0].in_file, DType::kFloat16);
}

// load_state_dict() takes element 0 for a scalar, however many there are; and
// no scalar for one element.
TEST(MatchStateDictTest, ScalarAndOneElement) {
  const StateDictMatch taken =
      MatchStateDict({Outline("a", {1})}, {Outline("a", {})});
  EXPECT_TRUE(taken.fits());
  EXPECT_THAT(taken.scalars, ElementsAre("a"));
  EXPECT_FALSE(MatchStateDict({Outline("a", {})}, {Outline("a", {1})}).fits());
  EXPECT_FALSE(MatchStateDict({Outline("a", {7})}, {Outline("a", {})}).fits());
}

TEST(MatchStateDictTest, TheLastOfOneNameCounts) {
  const StateDictMatch match = MatchStateDict(
      {Outline("a", {1}), Outline("a", {2})}, {Outline("a", {2})});
  EXPECT_TRUE(match.fits());
}

TEST(GroupShapesTest, OneFactorInOneDimension) {
  std::vector<StateDictMatch::ShapeDifference> shapes;
  for (int i = 0; i < 96; ++i) {
    shapes.push_back({absl::StrCat("l.", i), {512, 10}, {256, 10}});
  }
  shapes.push_back({"vocabulary", {50257, 64}, {32000, 64}});
  const std::vector<MatchGroup> groups = GroupShapes(shapes);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].text,
            "by factor 2 in dimension 0: 512 in the file, 256 in the target");
  EXPECT_EQ(groups[0].members.size(), 96u);
  EXPECT_EQ(groups[1].text,
            "in size in dimension 0: 50257 in the file, 32000 in the target");
}

TEST(GroupShapesTest, OneFactorInSeveralDimensions) {
  const std::vector<MatchGroup> groups =
      GroupShapes({{"w", {768, 768}, {1024, 1024}}, {"b", {768}, {1024}}});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].text,
            "in the ratio 3 to 4: 768 in the file, 1024 in the target");
}

TEST(GroupShapesTest, TransposedAndOtherDimensions) {
  const std::vector<MatchGroup> groups = GroupShapes(
      {{"t", {2, 6}, {6, 2}}, {"d", {2, 3, 1}, {2, 3}}, {"m", {2, 9}, {3, 5}}});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].text, "transposed");
  EXPECT_EQ(groups[1].text, "3 dimensions in the file, 2 in the target");
  EXPECT_EQ(groups[2].text, "in several dimensions");
}

TEST(GroupNamesTest, FoldsLayers) {
  const std::vector<std::string> names = {"h.0.w", "lone.7", "h.1.w"};
  const std::vector<MatchGroup> groups = GroupNames(names);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].text, "h.*.w");
  EXPECT_THAT(groups[0].members, ElementsAre(0, 2));
  EXPECT_EQ(groups[1].text, "lone.7");
}

TEST(GroupDTypesTest, ByPair) {
  const std::vector<MatchGroup> groups =
      GroupDTypes({{"a", DType::kFloat16, DType::kFloat32},
                   {"b", DType::kFloat16, DType::kFloat32}});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].text, "float16 in the file, float32 in the target");
}

TEST(CloseNamesTest, ASlip) {
  EXPECT_THAT(CloseNames({"x", "fc.wieght"}, {"fc.bias", "fc.weight"}),
              ElementsAre(Pair(1, 1)));
}

TEST(CloseNamesTest, NumbersAndShortWordsAreNoSlips) {
  EXPECT_THAT(CloseNames({"h.1.w"}, {"h.2.w"}), IsEmpty());
  EXPECT_THAT(CloseNames({"k.w"}, {"q.w"}), IsEmpty());
  EXPECT_THAT(CloseNames({"conv1.w"}, {"conv2.w"}), IsEmpty());
}

TEST(CloseNamesTest, SeveralPartnersAreNone) {
  EXPECT_THAT(CloseNames({"conv.w"}, {"conva.w", "convb.w"}), IsEmpty());
  EXPECT_THAT(CloseNames({"conva.w", "convb.w"}, {"conv.w"}), IsEmpty());
}

}  // namespace
}  // namespace hoist
