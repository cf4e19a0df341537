#include "hoist/checkpoint/verify/tensor_scans.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
std::vector<uint8_t> Bytes(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// Over one storage of `size_bytes`.
Catalog CatalogOf(std::vector<TensorEntry> tensors, uint64_t size_bytes,
                  int swap_bytes = 1) {
  Catalog catalog;
  catalog.files = {{.size_bytes = size_bytes}};
  catalog.storages = {{.size_bytes = size_bytes, .swap_bytes = swap_bytes}};
  for (TensorEntry& tensor : tensors) {
    tensor.storage = 0;
    catalog.tensors.push_back(tensor);
  }
  EXPECT_THAT(ValidateCatalog(catalog), IsOk());
  return catalog;
}

TEST(TensorScansTest, CountsForEachTensorWhateverThePieces) {
  std::vector<float> values(64, 1);
  values[3] = kNan;
  values[17] = kInfinity;
  values[18] = -kInfinity;
  const std::vector<uint8_t> bytes = Bytes(values);
  const Catalog catalog =
      CatalogOf({{.spec = {DType::kFloat32, {8, 8}, {8, 1}}},
                 {.spec = {DType::kFloat32, {10}, {1}}, .storage_offset = 4},
                 {.spec = {DType::kFloat32, {8, 8}, {1, 8}}},  // transposed
                 {.spec = {DType::kFloat32, {40}, {1}}, .storage_offset = 24}},
                bytes.size());
  for (const size_t piece : {16, 48, 256}) {
    TensorScans scans(catalog);
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const size_t from = (bytes.size() - 1) / piece * piece - at;  // backwards
      scans.Add(0, from, absl::MakeConstSpan(bytes).subspan(from, piece));
    }
    EXPECT_THAT(scans.scattered(), IsEmpty());
    const auto found = scans.Finish();
    EXPECT_EQ(found[0]->count, 64u);
    EXPECT_EQ(found[0]->nan_count, 1u);
    EXPECT_EQ(found[0]->infinity_count, 2u);
    EXPECT_THAT(found[0]->first_bad, ElementsAre(0, 3));
    EXPECT_FALSE(found[0]->is_constant);
    EXPECT_EQ(found[1]->count, 10u);
    EXPECT_TRUE(found[1]->is_finite());
    EXPECT_TRUE(found[1]->is_constant);
    EXPECT_FALSE(found[1]->is_zero);
    EXPECT_THAT(found[2]->first_bad, ElementsAre(3, 0));
    EXPECT_TRUE(found[3]->is_constant);
    EXPECT_THAT(found[3]->first_bad, IsEmpty());
  }
}

TEST(TensorScansTest, ZeroIsZeroOfEitherSign) {
  const std::vector<uint8_t> bytes = Bytes<float>({0, -0.0F, 0, 0});
  const Catalog catalog =
      CatalogOf({{.spec = {DType::kFloat32, {4}, {1}}},
                 {.spec = {DType::kFloat32, {1}, {1}}, .storage_offset = 2}},
                bytes.size());
  TensorScans scans(catalog);
  scans.Add(0, 0, bytes);
  const auto found = scans.Finish();
  EXPECT_TRUE(found[0]->is_zero);
  EXPECT_TRUE(found[1]->is_zero);
  EXPECT_FALSE(found[1]->is_constant);  // of one number
}

TEST(TensorScansTest, OtherByteOrderAndComplexNumbers) {
  // NaN as a big-endian machine has it.
  const std::vector<uint8_t> bytes = {0, 0, 0, 0, 0,    0,    0, 0,
                                      0, 0, 0, 0, 0x7F, 0xC0, 0, 0};
  const Catalog catalog =
      CatalogOf({{.spec = {DType::kComplex64, {2}, {1}}}}, bytes.size(), 4);
  TensorScans scans(catalog);
  scans.Add(0, 0, bytes);
  const auto found = scans.Finish();
  EXPECT_EQ(found[0]->count, 4u);
  EXPECT_EQ(found[0]->nan_count, 1u);
  EXPECT_THAT(found[0]->first_bad, ElementsAre(1));
}

TEST(TensorScansTest, LargeIntegersThatAreRoundedAreNotSaidToBeConstant) {
  const std::vector<uint8_t> bytes =
      Bytes<int64_t>({(int64_t{1} << 60) + 1, int64_t{1} << 60});
  const Catalog catalog =
      CatalogOf({{.spec = {DType::kInt64, {2}, {1}}}}, bytes.size());
  TensorScans scans(catalog);
  scans.Add(0, 0, bytes);
  EXPECT_FALSE(scans.Finish()[0]->is_constant);
}

TEST(TensorScansTest, TensorsWithGapsAreLookedAtAsAWhole) {
  const Catalog catalog = CatalogOf(
      {{.spec = {DType::kFloat32, {2, 2}, {3, 1}}}}, 5 * sizeof(float));
  TensorScans scans(catalog);
  EXPECT_THAT(scans.scattered(), ElementsAre(0));
  const std::vector<uint8_t> bytes = Bytes<float>({0, 0, kNan, 0, kNan});
  scans.Add(0, 0, bytes);
  EXPECT_FALSE(scans.Finish()[0].has_value());
  HOIST_ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Buffer> buffer,
                             Buffer::Allocate(bytes.size()));
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor whole, Tensor::Create(catalog.tensors[0].spec, buffer, 0));
  scans.AddWhole(0, whole);
  const auto found = scans.Finish();
  EXPECT_EQ(found[0]->count, 4u);
  EXPECT_EQ(found[0]->nan_count, 1u);
  EXPECT_THAT(found[0]->first_bad, ElementsAre(1, 1));
}

}  // namespace
}  // namespace hoist
