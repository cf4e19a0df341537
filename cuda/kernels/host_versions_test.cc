// The host versions, which builds without CUDA have: they do what core's
// functions do, which have their own tests, and check what the device's do.

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/ops/scan.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/kernels/byte_planes.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/kernels/crc32c.h"
#include "hoist/cuda/kernels/dequantize.h"
#include "hoist/cuda/kernels/digest.h"
#include "hoist/cuda/kernels/gather.h"
#include "hoist/cuda/kernels/scan.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

template <typename T>
T* Misaligned(T* pointer) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(pointer) + 1);
}

const auto kIsRefused = StatusIs(absl::StatusCode::kInvalidArgument,
                                 ::testing::HasSubstr("not aligned"));

TEST(HostVersionsTest, Cast) {
  const std::vector<float> source = {1, -2.5f, 3};
  std::vector<uint16_t> result(3);
  const auto cast = [&](const float* from, uint16_t* to) {
    return CastOnDevice(0, DType::kFloat32, from, DType::kBfloat16, to, 3,
                        nullptr);
  };
  HOIST_ASSERT_OK(cast(source.data(), result.data()));
  EXPECT_THAT(result, ElementsAre(0x3F80, 0xC020, 0x4040));
  EXPECT_THAT(cast(Misaligned(source.data()), result.data()), kIsRefused);
  EXPECT_THAT(cast(source.data(), Misaligned(result.data())), kIsRefused);
  EXPECT_THAT(CastOnDevice(0, DType::kComplex64, source.data(), DType::kFloat32,
                           result.data(), 1, nullptr),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(HostVersionsTest, BytePlanes) {
  const std::vector<uint8_t> planes = {1, 2, 3, 4};
  std::vector<uint16_t> result(2);
  HOIST_ASSERT_OK(
      JoinBytePlanesOnDevice(0, planes.data(), 2, result.data(), 2, nullptr));
  EXPECT_THAT(result, ElementsAre(0x0301, 0x0402));
  EXPECT_THAT(JoinBytePlanesOnDevice(0, planes.data(), 2,
                                     Misaligned(result.data()), 1, nullptr),
              kIsRefused);
  EXPECT_THAT(
      JoinBytePlanesOnDevice(0, planes.data(), 3, result.data(), 1, nullptr),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(HostVersionsTest, Gather) {
  const std::vector<uint16_t> source = {1, 2, 3, 4, 5, 6};
  std::vector<uint16_t> result(6);
  const auto gather = [&](const TensorSpec& spec, const uint16_t* from,
                          uint16_t* to) {
    return GatherOnDevice(0, spec, from, to, nullptr);
  };
  const TensorSpec spec = {DType::kBfloat16, {2, 3}, {1, 2}};
  HOIST_ASSERT_OK(gather(spec, source.data(), result.data()));
  EXPECT_THAT(result, ElementsAre(1, 3, 5, 2, 4, 6));
  EXPECT_THAT(gather(spec, Misaligned(source.data()), result.data()),
              kIsRefused);
  EXPECT_THAT(gather(spec, source.data(), Misaligned(result.data())),
              kIsRefused);
  EXPECT_THAT(
      gather({DType::kBfloat16, {2}, {-1}}, source.data(), result.data()),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(HostVersionsTest, Dequantize) {
  const std::vector<uint8_t> source = {0x38, 0x40, 0xB8};  // 1, 2, -1
  const std::vector<float> scales = {0.5f, 4};
  std::vector<float> result(3);
  const auto dequantize = [&](const QuantizedMatrix& matrix,
                              const float* scales, float* to) {
    return DequantizeOnDevice(0, matrix, source.data(), scales, DType::kFloat32,
                              to, nullptr);
  };
  const QuantizedMatrix matrix = {DType::kFloat8E4m3fn, 1, 3, 1, 2};
  HOIST_ASSERT_OK(dequantize(matrix, scales.data(), result.data()));
  EXPECT_THAT(result, ElementsAre(0.5f, 1, -4));
  EXPECT_THAT(dequantize(matrix, Misaligned(scales.data()), result.data()),
              kIsRefused);
  EXPECT_THAT(dequantize(matrix, scales.data(), Misaligned(result.data())),
              kIsRefused);
  EXPECT_THAT(dequantize({DType::kInt8, 1, 3}, scales.data(), result.data()),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(HostVersionsTest, Sums) {
  const std::vector<uint8_t> data = {'1', '2', '3', '4', '5',
                                     '6', '7', '8', '9'};
  uint32_t crc[2] = {};
  HOIST_ASSERT_OK(Crc32cOnDevice(0, data.data(), 9, crc, nullptr));
  EXPECT_EQ(crc[0], 0xe3069283);
  EXPECT_THAT(Crc32cOnDevice(0, data.data(), 9, Misaligned(crc), nullptr),
              kIsRefused);
  uint64_t digest[2] = {};
  HOIST_ASSERT_OK(Digest64OnDevice(0, data.data(), 9, digest, nullptr));
  EXPECT_NE(digest[0], 0u);
  EXPECT_THAT(Digest64OnDevice(0, data.data(), 9, Misaligned(digest), nullptr),
              kIsRefused);
}

TEST(HostVersionsTest, Scan) {
  const std::vector<float> data = {1, 2, 4};
  ScanTotals totals;
  std::vector<uint64_t> histogram(3, 99);
  const ScanBins bins = {2, 0, 4};
  const auto scan = [&](const float* data, uint64_t* histogram) {
    return ScanOnDevice(0, DType::kFloat32, data, 3, bins, &totals, histogram,
                        nullptr);
  };
  HOIST_ASSERT_OK(scan(data.data(), histogram.data()));
  EXPECT_THAT(histogram, ElementsAre(1, 2, 99));
  EXPECT_EQ(MakeScanResult(3, totals, {}).max, 4);
  EXPECT_THAT(scan(Misaligned(data.data()), histogram.data()), kIsRefused);
  EXPECT_THAT(scan(data.data(), Misaligned(histogram.data())), kIsRefused);
  EXPECT_THAT(ScanOnDevice(0, DType::kFloat32, data.data(), 3, {-1, 0, 1},
                           &totals, histogram.data(), nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace hoist
