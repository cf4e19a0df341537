#include "hoist/checkpoint/selection/tensor_slice.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(SplitIndexTest, TakesTheLastBrackets) {
  EXPECT_THAT(*SplitIndex("fc.weight[0, :]"), Pair("fc.weight", "0, :"));
  EXPECT_THAT(*SplitIndex("a[0].b[1]"), Pair("a[0].b", "1"));
  EXPECT_THAT(*SplitIndex("[...]"), Pair("", "..."));
  EXPECT_THAT(*SplitIndex("a[]"), Pair("a", ""));
  EXPECT_EQ(SplitIndex("fc.weight"), std::nullopt);
  EXPECT_EQ(SplitIndex("a[0].b"), std::nullopt);
  EXPECT_EQ(SplitIndex("a]"), std::nullopt);
  EXPECT_EQ(SplitIndex(""), std::nullopt);
}

TEST(ParseTensorSliceTest, ReadsPythonsForms) {
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorSlice slice,
                             ParseTensorSlice("3, -1,1:5:2 , : ,..., ::4,"));
  EXPECT_EQ(slice.text, "[3, -1,1:5:2 , : ,..., ::4,]");
  ASSERT_EQ(slice.items.size(), 6u);
  EXPECT_EQ(slice.items[0].kind, SliceItem::Kind::kIndex);
  EXPECT_EQ(slice.items[0].start, 3);
  EXPECT_EQ(slice.items[1].start, -1);
  EXPECT_EQ(slice.items[2].kind, SliceItem::Kind::kRange);
  EXPECT_EQ(slice.items[2].start, 1);
  EXPECT_EQ(slice.items[2].stop, 5);
  EXPECT_EQ(slice.items[2].step, 2);
  EXPECT_EQ(slice.items[3].start, std::nullopt);
  EXPECT_EQ(slice.items[3].stop, std::nullopt);
  EXPECT_EQ(slice.items[4].kind, SliceItem::Kind::kEllipsis);
  EXPECT_EQ(slice.items[5].step, 4);
}

TEST(ParseTensorSliceTest, SaysWhatIsWrongWhere) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"", "Part 1 of the index []: There is nothing"},
      {"0, , 1", "Part 2 of the index [0, , 1]: There is nothing"},
      {",", "Part 1 of the index [,]: There is nothing"},
      {":, x", "Part 2 of the index [:, x]: \"x\" is no integer of 64 bits"},
      {"1.5", "\"1.5\" is no integer"},
      {"None", "\"None\" is no integer"},
      {"99999999999999999999", "is no integer of 64 bits"},
      {"1:2:3:4", "\"1:2:3:4\" has more than start, stop and step"},
      {"::-1", "Part 1 of the index [::-1]: Step -1 is not positive"},
      {"::0", "Step 0 is not positive"},
      {"..., 0, ...",
       "Part 3 of the index [..., 0, ...]: There is more than "
       "one \"...\""},
  };
  for (const auto& [text, message] : mistakes) {
    const absl::Status status = ParseTensorSlice(text).status();
    EXPECT_THAT(status, StatusIs(kInvalid, HasSubstr(message))) << text;
    EXPECT_THAT(HintOf(status), HasSubstr("integers, ranges"));
  }
}

absl::StatusOr<TensorEntry> Slice(const TensorEntry& tensor,
                                  absl::string_view text) {
  const absl::StatusOr<TensorSlice> slice = ParseTensorSlice(text);
  EXPECT_THAT(slice, IsOk());
  return SliceTensor(tensor, *slice);
}

// A view from element 100 of a larger tensor.
TensorEntry Tensor4x6x5() {
  TensorEntry tensor;
  tensor.name = "w";
  tensor.spec = {DType::kFloat32, {4, 6, 5}, {60, 10, 2}};
  tensor.storage = 0;
  tensor.storage_offset = 100;
  tensor.requires_grad = true;
  tensor.is_parameter = true;
  return tensor;
}

TEST(SliceTensorTest, IsAView) {
  struct Case {
    const char* index;
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;
    int64_t offset;
  };
  const std::vector<Case> cases = {
      {"0", {6, 5}, {10, 2}, 100},
      {"-1", {6, 5}, {10, 2}, 280},
      {"1, 2, 3", {}, {}, 186},
      {":", {4, 6, 5}, {60, 10, 2}, 100},
      {"...", {4, 6, 5}, {60, 10, 2}, 100},
      {"..., 4", {4, 6}, {60, 10}, 108},
      {"1, ..., -1", {6}, {10}, 168},
      {"0, 0, ..., 0", {}, {}, 100},
      {"1:3", {2, 6, 5}, {60, 10, 2}, 160},
      {"-3:-1", {2, 6, 5}, {60, 10, 2}, 160},
      {":, 1::2", {4, 3, 5}, {60, 20, 2}, 110},
      {":, ::4", {4, 2, 5}, {60, 40, 2}, 100},
      {"..., ::100", {4, 6, 1}, {60, 10, 200}, 100},
      {"2:100", {2, 6, 5}, {60, 10, 2}, 220},
      {"-100:1", {1, 6, 5}, {60, 10, 2}, 100},
      {"3:1", {0, 6, 5}, {60, 10, 2}, 280},
      {"0:0", {0, 6, 5}, {60, 10, 2}, 100},
  };
  for (const Case& c : cases) {
    HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry part,
                               Slice(Tensor4x6x5(), c.index));
    EXPECT_EQ(part.spec.shape, c.shape) << c.index;
    EXPECT_EQ(part.spec.strides, c.strides) << c.index;
    EXPECT_EQ(part.storage_offset, c.offset) << c.index;
    EXPECT_EQ(part.name, absl::StrCat("w[", c.index, "]"));
    EXPECT_EQ(part.storage, 0);
    EXPECT_FALSE(part.requires_grad);
    EXPECT_FALSE(part.is_parameter);
  }
}

TEST(SliceTensorTest, WhatDoesNotFitIsAnError) {
  const TensorEntry tensor = Tensor4x6x5();
  const absl::Status status = Slice(tensor, "..., 5").status();
  EXPECT_THAT(status, StatusIs(kInvalid,
                               "Tensor w: Index 5 is out of range for "
                               "dimension 2 of size 5"));
  EXPECT_EQ(HintOf(status), "Take one of -5 to 4");
  EXPECT_THAT(Slice(tensor, "-5"),
              StatusIs(kInvalid, HasSubstr("Index -5 is out of range")));
  EXPECT_THAT(Slice(tensor, "0, 0, ..., 0, 0"),
              StatusIs(kInvalid,
                       "Tensor w: [0, 0, ..., 0, 0] has 4 indices, and shape "
                       "[4, 6, 5] 3 dimensions"));
  TensorEntry empty = tensor;
  empty.spec.shape = {4, 0, 5};
  EXPECT_THAT(Slice(empty, "0, 0"),
              StatusIs(kInvalid, HasSubstr("dimension 1 of size 0")));
  TensorEntry packed = tensor;
  packed.spec.dtype = DType::kFloat6E2m3;
  EXPECT_THAT(Slice(packed, "0"), StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(SliceTensorTest, NoNumberOverflows) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  TensorEntry tensor = Tensor4x6x5();
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry part,
                             Slice(tensor,
                                   "-9223372036854775808:9223372036854775807:"
                                   "9223372036854775807"));
  EXPECT_EQ(part.spec.shape[0], 1);
  EXPECT_GE(part.spec.strides[0], 0);
  EXPECT_EQ(part.storage_offset, 100);
  // A tensor without elements may have any offset and strides.
  tensor.spec = {DType::kFloat32, {0, 5}, {kMax, kMax}};
  tensor.storage_offset = kMax;
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry empty, Slice(tensor, ":, 3::2"));
  EXPECT_THAT(empty.spec.shape, ElementsAre(0, 1));
  EXPECT_GE(empty.storage_offset, 0);
  EXPECT_GE(empty.spec.strides[1], 0);
}

}  // namespace
}  // namespace hoist
