#include "hoist/checkpoint/load/range_boxes.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr uint64_t kElementBytes = 4;

uint64_t PlaceOf(const TensorSpec& spec, uint64_t offset_bytes,
                 const std::vector<int64_t>& index) {
  uint64_t place = offset_bytes;
  for (size_t i = 0; i < index.size(); ++i) {
    place += static_cast<uint64_t>(index[i] * spec.strides[i]) * kElementBytes;
  }
  return place;
}

// Calls `visit` with each index of `shape`.
template <typename Visit>
void ForEachIndex(const std::vector<int64_t>& shape, const Visit& visit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    return;
  }
  std::vector<int64_t> index(shape.size(), 0);
  for (;;) {
    visit(index);
    size_t i = shape.size();
    while (i > 0 && ++index[i - 1] == shape[i - 1]) {
      index[--i] = 0;
    }
    if (i == 0) {
      return;
    }
  }
}

using Places = std::map<std::vector<int64_t>, uint64_t>;

// The elements of all boxes, with their places; none is there twice.
Places ElementsOf(const TensorSpec& spec, uint64_t offset, uint64_t begin,
                  uint64_t end, int* box_count = nullptr) {
  Places elements;
  HOIST_EXPECT_OK(
      ForEachBoxInRange(spec, offset, begin, end, [&](const RangeBox& box) {
        if (box_count != nullptr) {
          ++*box_count;
        }
        ForEachIndex(box.shape, [&](const std::vector<int64_t>& in_box) {
          std::vector<int64_t> index = in_box;
          for (size_t i = 0; i < index.size(); ++i) {
            index[i] += box.begin[i];
          }
          const uint64_t place = PlaceOf(spec, box.offset_bytes, in_box);
          EXPECT_TRUE(elements.emplace(index, place).second);
        });
        return absl::OkStatus();
      }));
  return elements;
}

Places Expected(const TensorSpec& spec, uint64_t offset, uint64_t begin,
                uint64_t end) {
  Places elements;
  ForEachIndex(spec.shape, [&](const std::vector<int64_t>& index) {
    const uint64_t place = PlaceOf(spec, offset, index);
    if (place >= begin && place + kElementBytes <= end) {
      elements.emplace(index, place);
    }
  });
  return elements;
}

TEST(RangeBoxesTest, HasEachElementOfTheRangeOnce) {
  std::mt19937 random(1);
  const auto below = [&random](uint32_t n) { return random() % n; };
  for (int round = 0; round < 3000; ++round) {
    TensorSpec spec;
    const size_t rank = below(4);
    for (size_t i = 0; i < rank; ++i) {
      spec.shape.push_back(below(20) == 0 ? 0 : 1 + below(5));
      // Dense or not, transposed, repeated, overlapping: whatever comes.
      spec.strides.push_back(below(12));
    }
    const uint64_t offset = below(10) * kElementBytes;
    const uint64_t begin = below(200);
    const uint64_t end = begin + below(200);
    ASSERT_EQ(ElementsOf(spec, offset, begin, end),
              Expected(spec, offset, begin, end))
        << "round " << round;
  }
}

TEST(RangeBoxesTest, ATensorInsideIsOneBox) {
  const TensorSpec spec = {DType::kFloat32, {3, 4, 5}, {20, 5, 1}};
  int count = 0;
  EXPECT_EQ(ElementsOf(spec, 8, 0, 8 + 240, &count).size(), 60u);
  EXPECT_EQ(count, 1);
}

TEST(RangeBoxesTest, RowsAreFewBoxesHoweverTheyLie) {
  // Rows as they lie, columns of a transposed tensor, and rows with gaps.
  for (const TensorSpec& spec :
       {TensorSpec{DType::kFloat32, {1000, 8}, {8, 1}},
        TensorSpec{DType::kFloat32, {8, 1000}, {1, 8}},
        TensorSpec{DType::kFloat32, {1000, 5}, {8, 1}}}) {
    int count = 0;
    // From the middle of a row to the middle of another.
    const Places elements = ElementsOf(spec, 0, 100, 20'012, &count);
    EXPECT_EQ(elements, Expected(spec, 0, 100, 20'012));
    EXPECT_LE(count, 3);
  }
}

TEST(RangeBoxesTest, RepeatedElementsAreOneBox) {
  const TensorSpec spec = {DType::kFloat32, {1'000'000, 2}, {0, 1}};
  int count = 0;
  HOIST_EXPECT_OK(ForEachBoxInRange(spec, 0, 0, 4, [&](const RangeBox& box) {
    EXPECT_EQ(box.shape, (std::vector<int64_t>{1'000'000, 1}));
    ++count;
    return absl::OkStatus();
  }));
  EXPECT_EQ(count, 1);
}

TEST(RangeBoxesTest, AnErrorEndsIt) {
  const TensorSpec spec = {DType::kFloat32, {4, 4}, {8, 1}};
  int count = 0;
  EXPECT_THAT(ForEachBoxInRange(spec, 0, 4, 100,
                                [&](const RangeBox&) {
                                  ++count;
                                  return absl::CancelledError("enough");
                                }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace hoist
