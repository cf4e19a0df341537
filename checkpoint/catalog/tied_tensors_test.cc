#include "hoist/checkpoint/catalog/tied_tensors.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TensorEntry Matrix(int storage) {
  return {.spec = {DType::kFloat32, {2, 2}, {2, 1}}, .storage = storage};
}

TEST(TiedTensorsTest, FirstOfTheSameElements) {
  Catalog catalog;
  catalog.storages.resize(2);
  catalog.tensors = {Matrix(0), Matrix(1), Matrix(0), Matrix(1), Matrix(0)};
  TiedTensors tied(catalog);
  EXPECT_EQ(tied.Add(0), 0);
  EXPECT_EQ(tied.Add(1), 1);
  EXPECT_EQ(tied.Add(2), 0);
  EXPECT_EQ(tied.Add(3), 1);
  EXPECT_EQ(tied.Add(4), 0);
}

TEST(TiedTensorsTest, OtherViewsOfAStorageAreOthers) {
  Catalog catalog;
  catalog.storages.resize(1);
  catalog.tensors.assign(6, Matrix(0));
  catalog.tensors[1].spec.strides = {1, 2};
  catalog.tensors[2].spec.shape = {4};
  catalog.tensors[2].spec.strides = {1};
  catalog.tensors[3].storage_offset = 1;
  catalog.tensors[4].spec.dtype = DType::kInt32;
  TiedTensors tied(catalog);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(tied.Add(i), i == 5 ? 0 : i);
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(tied.Add(i), i);
  }
}

TEST(TiedTensorsTest, WithoutDataThereIsNothingInCommon) {
  Catalog catalog;
  catalog.tensors.assign(2, Matrix(0));
  catalog.tensors[0].storage.reset();
  catalog.tensors[1].storage.reset();
  TiedTensors tied(catalog);
  EXPECT_EQ(tied.Add(0), 0);
  EXPECT_EQ(tied.Add(1), 1);
}

}  // namespace
}  // namespace hoist
