#include "hoist/checkpoint/formats/dcp/tensor_box.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/dcp/random_boxes.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST(TensorBoxTest, IsShownAsPythonCutsIt) {
  EXPECT_EQ(BoxText({{0, 4}, {3, 4}}), "[0:3, 4:8]");
  EXPECT_EQ(BoxText({}), "[]");
}

TEST(TensorBoxTest, LiesInsideTheShape) {
  HOIST_EXPECT_OK(CheckBoxInside({{2, 0}, {1, 4}}, {3, 4}));
  HOIST_EXPECT_OK(CheckBoxInside({{3, 0}, {0, 4}}, {3, 4}));
  HOIST_EXPECT_OK(CheckBoxInside({}, {}));
  for (const TensorBox& box :
       std::vector<TensorBox>{{{2, 0}, {2, 4}},
                              {{-1, 0}, {2, 4}},
                              {{0, 0}, {-1, 4}},
                              {{4, 0}, {0, 4}},
                              {{0}, {3}},
                              {{0, 0}, {3}},
                              {{INT64_MAX, 0}, {INT64_MAX, 4}},
                              {{1, 0}, {INT64_MAX, 4}}}) {
    EXPECT_THAT(
        CheckBoxInside(box, {3, 4}),
        StatusIs(kDataLoss, HasSubstr("is not inside its shape [3, 4]")))
        << BoxText(box);
  }
}

TEST(TensorBoxTest, BoxesCoverTheTensor) {
  HOIST_EXPECT_OK(CheckBoxesCover({{{0, 0}, {3, 4}}}, {3, 4}));
  HOIST_EXPECT_OK(
      CheckBoxesCover({{{2, 0}, {1, 4}}, {{0, 0}, {2, 4}}}, {3, 4}));
  HOIST_EXPECT_OK(CheckBoxesCover({TensorBox{}}, {}));
  // No cut goes through from end to end.
  HOIST_EXPECT_OK(CheckBoxesCover({{{0, 0}, {1, 2}},
                                   {{0, 2}, {2, 1}},
                                   {{2, 1}, {1, 2}},
                                   {{1, 0}, {2, 1}},
                                   {{1, 1}, {1, 1}}},
                                  {3, 3}));
}

TEST(TensorBoxTest, BoxesWithoutElementsDoNotMatter) {
  HOIST_EXPECT_OK(CheckBoxesCover(
      {{{0, 0}, {3, 4}}, {{3, 0}, {0, 4}}, {{1, 1}, {0, 0}}}, {3, 4}));
  HOIST_EXPECT_OK(CheckBoxesCover({}, {0, 4}));
  HOIST_EXPECT_OK(CheckBoxesCover({{{0, 0}, {0, 4}}}, {0, 4}));
  HOIST_EXPECT_OK(CheckBoxesCover({}, {0, INT64_MAX}));
}

TEST(TensorBoxTest, AHoleIsRefused) {
  EXPECT_THAT(CheckBoxesCover({{{0, 0}, {2, 4}}, {{2, 0}, {1, 3}}}, {3, 4}),
              StatusIs(kDataLoss,
                       HasSubstr("element [2, 3] of shape [3, 4] is in no")));
  EXPECT_THAT(CheckBoxesCover({{{1, 0}, {2, 4}}}, {3, 4}),
              StatusIs(kDataLoss, HasSubstr("element [0, 0]")));
  EXPECT_THAT(CheckBoxesCover({}, {3, 4}),
              StatusIs(kDataLoss, HasSubstr("there is none")));
  EXPECT_THAT(CheckBoxesCover({}, {}), StatusIs(kDataLoss));
}

TEST(TensorBoxTest, AnOverlapIsRefused) {
  EXPECT_THAT(CheckBoxesCover({{{0, 0}, {2, 4}}, {{1, 0}, {2, 4}}}, {3, 4}),
              StatusIs(kDataLoss, AllOf(HasSubstr("element [1, 0]"),
                                        HasSubstr("piece [0:2, 0:4]"),
                                        HasSubstr("in [1:3, 0:4]"))));
  EXPECT_THAT(CheckBoxesCover({TensorBox{}, TensorBox{}}, {}),
              StatusIs(kDataLoss));
  // As many elements as there are, one of them twice and one not at all.
  EXPECT_THAT(CheckBoxesCover({{{0}, {2}}, {{1}, {1}}}, {3}),
              StatusIs(kDataLoss, HasSubstr("element [1]")));
}

TEST(TensorBoxTest, HugeTensorsAreNoProblem) {
  constexpr int64_t kHalf = int64_t{1} << 61;
  HOIST_EXPECT_OK(
      CheckBoxesCover({{{0}, {kHalf}}, {{kHalf}, {kHalf}}}, {2 * kHalf}));
}

// The same by looking at each element.
bool CoverAll(const std::vector<TensorBox>& boxes,
              const std::vector<int64_t>& shape) {
  for (int64_t x = 0; x < shape[0]; ++x) {
    for (int64_t y = 0; y < shape[1]; ++y) {
      for (int64_t z = 0; z < shape[2]; ++z) {
        int count = 0;
        for (const TensorBox& box : boxes) {
          const int64_t place[] = {x, y, z};
          bool has = true;
          for (size_t i = 0; i < 3; ++i) {
            has = has && place[i] >= box.offsets[i] &&
                  place[i] < box.offsets[i] + box.sizes[i];
          }
          count += has ? 1 : 0;
        }
        if (count != 1) {
          return false;
        }
      }
    }
  }
  return true;
}

TEST(TensorBoxTest, AgreesWithLookingAtEachElement) {
  std::mt19937 random(7);
  int covering = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::vector<int64_t> shape = {static_cast<int64_t>(1 + random() % 5),
                                        static_cast<int64_t>(1 + random() % 5),
                                        static_cast<int64_t>(1 + random() % 5)};
    std::vector<TensorBox> boxes;
    CutAtRandom({{0, 0, 0}, shape}, static_cast<int>(random() % 5), random,
                boxes);
    if (random() % 2 == 0) {
      // Something goes wrong, or not.
      TensorBox& box = boxes[random() % boxes.size()];
      const size_t i = random() % 3;
      switch (random() % 4) {
        case 0:
          box.offsets[i] = std::max<int64_t>(box.offsets[i] - 1, 0);
          break;
        case 1:
          box.sizes[i] -= 1;
          break;
        case 2:
          boxes.push_back(box);
          break;
        default:
          box = boxes[0];
          break;
      }
    }
    const bool covers = CoverAll(boxes, shape);
    covering += covers ? 1 : 0;
    ASSERT_EQ(CheckBoxesCover(boxes, shape).ok(), covers) << round;
  }
  EXPECT_GT(covering, 500);
  EXPECT_LT(covering, 1900);
}

}  // namespace
}  // namespace hoist
