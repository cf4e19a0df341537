#include "hoist/checkpoint/migrate/tensor_transforms.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TensorEntry Matrix() {
  return {.name = "w",
          .spec = {DType::kFloat32, {2, 3, 4}, {12, 4, 1}},
          .storage = 0,
          .storage_offset = 5,
          .requires_grad = true,
          .is_parameter = true};
}

template <typename T>
void ExpectRefused(const absl::StatusOr<T>& result, const char* message) {
  EXPECT_THAT(result,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

TEST(TensorTransformsTest, DimensionsChangePlaces) {
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry permuted,
                             PermuteTensor(Matrix(), {2, 0, -2}));
  EXPECT_THAT(permuted.spec.shape, ElementsAre(4, 2, 3));
  EXPECT_THAT(permuted.spec.strides, ElementsAre(1, 12, 4));
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry transposed,
                             TransposeTensor(Matrix(), 0, -1));
  EXPECT_THAT(transposed.spec.shape, ElementsAre(4, 3, 2));
  EXPECT_THAT(transposed.spec.strides, ElementsAre(1, 4, 12));
  EXPECT_EQ(transposed.storage_offset, 5);
  ExpectRefused(PermuteTensor(Matrix(), {0, 1}),
                "does not fit shape [2, 3, 4]");
  ExpectRefused(PermuteTensor(Matrix(), {0, 1, 1}), "Dimension 1 is in");
  ExpectRefused(TransposeTensor(Matrix(), 0, 3), "no dimension 3 among 3");
}

TEST(TensorTransformsTest, PartsThatLieBehindEachOtherAreOneAgain) {
  for (const size_t dim : {0, 1, 2}) {
    const int64_t size = Matrix().spec.shape[dim];
    HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry first,
                               NarrowTensor(Matrix(), dim, 0, 1));
    HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry rest,
                               NarrowTensor(Matrix(), dim, 1, size - 1));
    const TensorEntry parts[] = {first, rest};
    const auto whole = JoinTensors(parts, dim);
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(whole->spec, Matrix().spec);
    EXPECT_EQ(whole->storage_offset, 5);
    const TensorEntry turned[] = {rest, first};
    EXPECT_FALSE(JoinTensors(turned, dim));
    TensorEntry other = rest;
    other.storage = 1;
    const TensorEntry of_two[] = {first, other};
    EXPECT_FALSE(JoinTensors(of_two, dim));
    other = rest;
    other.is_negative = true;
    const TensorEntry negated[] = {first, other};
    EXPECT_FALSE(JoinTensors(negated, dim));
    other = rest;
    other.spec.shape[(dim + 1) % 3] = 1;
    const TensorEntry narrower[] = {first, other};
    EXPECT_FALSE(JoinTensors(narrower, dim));
  }
}

TEST(TensorTransformsTest, ShapesHaveTheSameElements) {
  const TensorSpec spec = Matrix().spec;
  EXPECT_THAT(*ResolveShape(spec, {6, -1}), ElementsAre(6, 4));
  EXPECT_THAT(*ResolveShape(spec, {24}), ElementsAre(24));
  ExpectRefused(ResolveShape(spec, {5, -1}), "has not the elements");
  ExpectRefused(ResolveShape(spec, {0, -1}), "has not the elements");
  ExpectRefused(ResolveShape(spec, {23}), "has not the elements");
  ExpectRefused(ResolveShape(spec, {-1, -1}), "may have one -1");
  ExpectRefused(ResolveShape(spec, {int64_t{1} << 62, 4}), "has not the");
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry reshaped,
                             ReshapeTensor(Matrix(), {8, 3}));
  EXPECT_THAT(reshaped.spec.strides, ElementsAre(3, 1));
}

TEST(TensorTransformsTest, PartsAreViews) {
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry part,
                             NarrowTensor(Matrix(), 1, 1, 2));
  EXPECT_THAT(part.spec.shape, ElementsAre(2, 2, 4));
  EXPECT_EQ(part.storage_offset, 9);
  ExpectRefused(NarrowTensor(Matrix(), 1, 2, 2), "2 places from 2 on");
  TensorEntry packed = Matrix();
  packed.spec.dtype = DType::kFloat6E2m3;
  ExpectRefused(NarrowTensor(packed, 0, 0, 1), "packed");

  HOIST_ASSERT_OK_AND_ASSIGN(const TensorEntry index,
                             IndexTensor(Matrix(), "[0, 1:]"));
  EXPECT_EQ(index.name, "w");
  EXPECT_TRUE(index.is_parameter && index.requires_grad);
  EXPECT_THAT(index.spec.shape, ElementsAre(2, 4));
  EXPECT_EQ(index.storage_offset, 9);
  EXPECT_THAT(IndexTensor(Matrix(), "0")->spec.shape, ElementsAre(3, 4));
  ExpectRefused(IndexTensor(Matrix(), "[0"), "closing bracket");
}

}  // namespace
}  // namespace hoist
