#include "hoist/checkpoint/plan/storage_cast.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

class StorageCastTest : public ::testing::Test {
 protected:
  int AddStorage(uint64_t size_bytes) {
    catalog_.storages.push_back({.size_bytes = size_bytes});
    return static_cast<int>(catalog_.storages.size()) - 1;
  }
  void AddTensor(std::string name, DType dtype, std::optional<int> storage) {
    catalog_.tensors.push_back({.name = std::move(name),
                                .spec = {dtype, {1}, {1}},
                                .storage = storage});
  }

  Catalog catalog_;
};

TEST_F(StorageCastTest, FloatsOfSixteenBitsOrMoreAreCastAndNothingElse) {
  for (const DType dtype : AllDTypes()) {
    AddTensor("t", dtype, AddStorage(16));
  }
  const StorageCasts casts = ChooseCasts(catalog_, DType::kBfloat16);
  for (size_t i = 0; i < AllDTypes().size(); ++i) {
    const DType from = AllDTypes()[i];
    const bool is_expected = from == DType::kFloat16 ||
                             from == DType::kFloat32 || from == DType::kFloat64;
    ASSERT_EQ(casts.by_storage[i].has_value(), is_expected) << DTypeName(from);
    if (is_expected) {
      EXPECT_EQ(casts.by_storage[i]->from, from);
      EXPECT_EQ(casts.by_storage[i]->to, DType::kBfloat16);
    }
  }
  // The complex ones.
  EXPECT_EQ(casts.left_count, 3);
}

TEST_F(StorageCastTest, TensorsThatShareAStorageOfTheirDTypeAreCastTogether) {
  AddStorage(16);
  AddTensor("a", DType::kFloat32, 0);
  AddTensor("tied", DType::kFloat32, 0);
  AddStorage(16);  // no tensor's
  const StorageCasts casts = ChooseCasts(catalog_, DType::kFloat16);
  EXPECT_TRUE(casts.by_storage[0]);
  EXPECT_FALSE(casts.by_storage[1]);
  EXPECT_EQ(casts.left_count, 0);
}

TEST_F(StorageCastTest, StoragesOfSeveralDTypesAreLeft) {
  AddStorage(16);
  AddTensor("bytes", DType::kUint8, 0);
  AddTensor("floats", DType::kFloat32, 0);
  AddTensor("more", DType::kFloat32, 0);
  AddStorage(16);
  AddTensor("pairs", DType::kComplex64, 1);
  AddTensor("parts", DType::kFloat32, 1);
  AddTensor("meta", DType::kFloat32, std::nullopt);
  const StorageCasts casts = ChooseCasts(catalog_, DType::kFloat16);
  EXPECT_FALSE(casts.by_storage[0]);
  EXPECT_FALSE(casts.by_storage[1]);
  EXPECT_EQ(casts.left_count, 4);
  EXPECT_EQ(casts.first_left, "floats");
}

TEST_F(StorageCastTest, WhatNeedsNoCastIsNotMissed) {
  AddStorage(16);
  AddTensor("bytes", DType::kUint8, 0);
  AddTensor("floats", DType::kFloat16, 0);
  AddTensor("small", DType::kFloat8E5m2, 0);
  EXPECT_EQ(ChooseCasts(catalog_, DType::kFloat16).left_count, 0);
}

TEST_F(StorageCastTest, PartsOfElementsAreNotCast) {
  AddStorage(18);
  AddTensor("t", DType::kFloat32, 0);
  const StorageCasts casts = ChooseCasts(catalog_, DType::kFloat16);
  EXPECT_FALSE(casts.by_storage[0]);
  EXPECT_EQ(casts.first_left, "t");
}

TEST_F(StorageCastTest, BytesOfAsManyElements) {
  const StorageCast narrower = {.from = DType::kFloat64, .to = DType::kFloat16};
  const StorageCast wider = {.from = DType::kBfloat16, .to = DType::kFloat32};
  EXPECT_EQ(BytesAfterCast(narrower, 80), 20u);
  EXPECT_EQ(BytesAfterCast(narrower, 87), 20u);
  EXPECT_EQ(BytesAfterCast(wider, 20), 40u);
  EXPECT_EQ(BytesAfterCast(std::nullopt, 7), 7u);
  EXPECT_EQ(BytesBeforeCast(narrower, 20), 80u);
  EXPECT_EQ(BytesBeforeCast(wider, 43), 20u);
  EXPECT_EQ(BytesBeforeCast(std::nullopt, 7), 7u);
}

}  // namespace
}  // namespace hoist
