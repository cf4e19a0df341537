#include "hoist/checkpoint/write/catalog_of_tensors.h"

#include <cstring>
#include <numeric>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/tensor_bytes.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;

// Bytes 0, 1, 2, ...
std::shared_ptr<Buffer> Numbers(size_t size) {
  std::shared_ptr<Buffer> buffer = *Buffer::Allocate(size);
  std::iota(buffer->host_bytes().begin(), buffer->host_bytes().end(), 0);
  return buffer;
}

Tensor View(const std::shared_ptr<Buffer>& buffer, TensorSpec spec,
            int64_t byte_offset = 0) {
  auto tensor = Tensor::Create(std::move(spec), buffer, byte_offset);
  EXPECT_THAT(tensor, IsOk());
  return *std::move(tensor);
}

TEST(CatalogOfTensorsTest, WhatIsSavedIsWhatIsLoaded) {
  const auto first = Numbers(64);
  const auto second = Numbers(128);
  StateDict tensors;
  tensors.Add("a", View(first, {DType::kFloat32, {4, 4}, {4, 1}}));
  tensors.Add("b.row", View(first, {DType::kFloat32, {4}, {1}}, 16));
  tensors.Add("c", View(second, {DType::kInt16, {5}, {1}}, 100));
  tensors.Add("b.transposed", View(first, {DType::kFloat32, {4, 4}, {1, 4}}));
  tensors.Add("none", View(second, {DType::kFloat32, {0}, {1}}));
  tensors.Add("scalar", View(second, {DType::kUint8, {}, {}}, 3));
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorCatalog saved,
                             CatalogOfTensors(tensors));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded,
                             LoadCatalog(saved.catalog, saved.files, {}));
  ASSERT_EQ(loaded.tensors.size(), tensors.size());
  for (const StateDict::Item& item : tensors) {
    SCOPED_TRACE(item.name);
    const Tensor* const tensor = loaded.tensors.Find(item.name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->spec(), item.tensor.spec());
    EXPECT_EQ(BytesOf(*tensor), BytesOf(item.tensor));
  }
  // Three over `first`; two apart in `second`; and one without elements.
  EXPECT_THAT(saved.catalog.storages, SizeIs(4));
  EXPECT_EQ(saved.catalog.tensors[0].storage, saved.catalog.tensors[1].storage);
  EXPECT_EQ(saved.catalog.tensors[1].storage_offset, 4);
  EXPECT_EQ(saved.catalog.tensors[0].storage, saved.catalog.tensors[3].storage);
  EXPECT_EQ(
      saved.catalog.storages[*saved.catalog.tensors[2].storage].size_bytes,
      10u);
}

TEST(CatalogOfTensorsTest, TheSameMemoryInTwoBuffersIsAnAlias) {
  const auto buffer = Numbers(64);
  const auto again =
      Buffer::Wrap(buffer->data(), 64, Device::Cpu(), [buffer] {});
  StateDict tensors;
  tensors.Add("a", View(buffer, {DType::kFloat32, {4}, {1}}, 16));
  tensors.Add("tied", View(again, {DType::kFloat32, {4}, {1}}, 16));
  tensors.Add("neighbour", View(again, {DType::kFloat32, {4}, {1}}, 32));
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorLayout layout, LayOutTensors(tensors));
  ASSERT_THAT(layout.runs, SizeIs(2));
  EXPECT_THAT(layout.runs[0].buffers, ElementsAre(buffer, again));
  EXPECT_EQ(layout.places[1].run, 0);
  EXPECT_EQ(layout.places[2].run, 1);
  EXPECT_EQ(layout.file_bytes, 2 * kRunAlignment);
}

TEST(CatalogOfTensorsTest, AnyPartOfTheFileCanBeRead) {
  StateDict tensors;
  for (const int size : {3, 64, 100, 1}) {
    tensors.Add(std::to_string(size),
                View(Numbers(size), {DType::kUint8, {size}, {1}}));
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const TensorCatalog saved,
                             CatalogOfTensors(tensors));
  const RandomAccessFile& file = *saved.files[0];
  std::string all;
  for (const StateDict::Item& item : tensors) {
    all += BytesOf(item.tensor);
    all.resize((all.size() + kRunAlignment - 1) / kRunAlignment *
               kRunAlignment);
  }
  ASSERT_EQ(file.size_bytes(), all.size());
  for (size_t begin = 0; begin <= all.size(); ++begin) {
    for (size_t end = begin; end <= all.size(); end += 13) {
      std::string part(end - begin, 'x');
      HOIST_ASSERT_OK(file.ReadAt(
          begin, {reinterpret_cast<uint8_t*>(part.data()), part.size()}));
      ASSERT_EQ(part, all.substr(begin, end - begin));
    }
  }
  uint8_t byte = 0;
  EXPECT_THAT(file.ReadAt(all.size(), {&byte, 1}),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(CatalogOfTensorsTest, ValuesFollowTensors) {
  StateDict tensors;
  tensors.Add("w", View(Numbers(4), {DType::kFloat32, {1}, {1}}));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TensorCatalog saved,
      CatalogOfTensors(tensors, {{"epoch", int64_t{3}},
                                 {"lr", 0.5},
                                 {"done", true},
                                 {"name", std::string("run")},
                                 {"nothing", std::monostate()}}));
  const Value root = saved.catalog.root();
  EXPECT_EQ(root.ClassName(), "collections.OrderedDict");
  ASSERT_EQ(root.size(), 6u);
  EXPECT_EQ(root.Find("w")->AsIndex(), 0);
  EXPECT_EQ(root.Find("epoch")->AsInt(), 3);
  EXPECT_EQ(root.Find("lr")->AsFloat(), 0.5);
  EXPECT_TRUE(root.Find("done")->AsBool());
  EXPECT_EQ(root.Find("name")->AsString(), "run");
  EXPECT_EQ(root.Find("nothing")->kind(), ValueKind::kNone);
}

TEST(CatalogOfTensorsTest, RefusesWhatCannotBeSaved) {
  const auto buffer = Numbers(64);
  StateDict twice;
  twice.Add("w", View(buffer, {DType::kFloat32, {1}, {1}}));
  EXPECT_THAT(CatalogOfTensors(twice, {{"w", 0.0}}),
              StatusIs(kInvalidArgument, HasSubstr("named w")));
  StateDict askew;
  askew.Add("a", View(buffer, {DType::kFloat32, {2}, {1}}, 0));
  askew.Add("b", View(buffer, {DType::kFloat32, {2}, {1}}, 2));
  EXPECT_THAT(CatalogOfTensors(askew),
              StatusIs(kInvalidArgument, HasSubstr("Tensor b: it overlaps")));
  StateDict on_device;
  on_device.Add("w",
                View(Buffer::Wrap(buffer->data(), 64, Device::Cuda(1), [] {}),
                     {DType::kFloat32, {1}, {1}}));
  EXPECT_THAT(CatalogOfTensors(on_device),
              StatusIs(kInvalidArgument, HasSubstr("is on cuda:1")));
}

}  // namespace
}  // namespace hoist
