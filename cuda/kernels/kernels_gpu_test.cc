// The device versions on a GPU, against core's functions for the host, which
// have their own tests.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/byte_planes.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/tensor/ops/dequantize.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/core/tensor/ops/gather.h"
#include "hoist/core/tensor/ops/scan.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/kernels/byte_planes.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/kernels/crc32c.h"
#include "hoist/cuda/kernels/dequantize.h"
#include "hoist/cuda/kernels/digest.h"
#include "hoist/cuda/kernels/gather.h"
#include "hoist/cuda/kernels/scan.h"
#include "hoist/cuda/stream.h"

namespace hoist {
namespace {

// More than one pass of the grid, and no whole number of anything.
constexpr size_t kManyElements = 4096 * 256 + 77;

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937_64 random(size);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// Inputs in device memory, one behind the other and each `shift` bytes behind
// what is aligned; and an output.
class OnDevice {
 public:
  OnDevice(const std::vector<std::vector<uint8_t>>& inputs, size_t output_bytes,
           size_t shift = 0)
      : output_bytes_(output_bytes), stream_(*Stream::Create(0)) {
    for (const std::vector<uint8_t>& input : inputs) {
      buffers_.push_back(*DeviceBuffer::Allocate(0, input.size() + shift + 16));
      inputs_.push_back(static_cast<uint8_t*>(buffers_.back().data()) + shift);
      EXPECT_EQ(cudaMemcpy(inputs_.back(), input.data(), input.size(),
                           cudaMemcpyHostToDevice),
                cudaSuccess);
    }
    buffers_.push_back(*DeviceBuffer::Allocate(0, output_bytes + 16));
    // A copy of pageable memory may end after cudaMemcpy has returned, and the
    // stream does not wait for the default one.
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  }

  const uint8_t* input(size_t index = 0) const { return inputs_[index]; }
  void* output() const { return buffers_.back().data(); }
  CUstream_st* stream() const { return stream_.get(); }

  std::vector<uint8_t> Finish() const {
    std::vector<uint8_t> bytes(output_bytes_);
    EXPECT_EQ(cudaStreamSynchronize(stream_.get()), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(bytes.data(), output(), bytes.size(),
                         cudaMemcpyDeviceToHost),
              cudaSuccess);
    return bytes;
  }

  template <typename T>
  T FinishAs() const {
    T value;
    const std::vector<uint8_t> bytes = Finish();
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }

 private:
  size_t output_bytes_;
  std::vector<DeviceBuffer> buffers_;
  std::vector<uint8_t*> inputs_;
  Stream stream_;
};

bool IsNan(DType dtype, const uint8_t* bytes) {
  return std::visit(
      [](auto number) {
        if constexpr (std::is_same_v<decltype(number), double>) {
          return number != number;
        } else {
          return false;
        }
      },
      DecodeElement(dtype, bytes));
}

TEST(KernelsGpuTest, CastsOfAllPairs) {
  const std::vector<uint8_t> source = RandomBytes(8 * 200000);
  for (const DType from : AllDTypes()) {
    for (const DType to : AllDTypes()) {
      if (!CanCast(from, to)) {
        continue;
      }
      const size_t count = 200000;
      const size_t to_bytes = DTypeBits(to) / 8;
      std::vector<uint8_t> input(source.begin(),
                                 source.begin() + count * DTypeBits(from) / 8);
      std::vector<uint8_t> expected(count * to_bytes);
      HOIST_ASSERT_OK(Cast(from, input, to, absl::MakeSpan(expected)));
      const OnDevice device({input}, expected.size());
      HOIST_ASSERT_OK(CastOnDevice(0, from, device.input(), to, device.output(),
                                   count, device.stream()));
      const std::vector<uint8_t> result = device.Finish();
      for (size_t i = 0; i < count; ++i) {
        const uint8_t* const a = &result[i * to_bytes];
        const uint8_t* const b = &expected[i * to_bytes];
        ASSERT_TRUE(std::memcmp(a, b, to_bytes) == 0 ||
                    (IsNan(to, a) && IsNan(to, b)))
            << DTypeName(from) << " to " << DTypeName(to) << " element " << i;
      }
    }
  }
}

TEST(KernelsGpuTest, BytePlanes) {
  for (const int bytes : {2, 4, 8}) {
    for (const size_t count : {size_t{1}, size_t{255}, kManyElements}) {
      const std::vector<uint8_t> planes = RandomBytes(count * bytes);
      std::vector<uint8_t> expected(planes.size());
      HOIST_ASSERT_OK(JoinBytePlanes(planes, bytes, absl::MakeSpan(expected)));
      const OnDevice device({planes}, planes.size(), 1);
      HOIST_ASSERT_OK(JoinBytePlanesOnDevice(
          0, device.input(), bytes, device.output(), count, device.stream()));
      EXPECT_TRUE(device.Finish() == expected) << bytes << " " << count;
    }
  }
}

TEST(KernelsGpuTest, Gather) {
  for (const DType dtype : {DType::kInt8, DType::kFloat16, DType::kFloat32,
                            DType::kInt64, DType::kComplex128}) {
    for (const TensorSpec& spec : std::vector<TensorSpec>{
             {dtype, {}, {}},
             {dtype, {1100, 1003}, {1003, 1}},
             {dtype, {1100, 1003}, {1, 1100}},
             {dtype, {30, 40, 50}, {40, 1, 1200}},
             {dtype, {2, 3, 4, 5}, {0, 5, 0, 1}},
         }) {
      const std::vector<uint8_t> source =
          RandomBytes(*RequiredStorageBytes(spec, 0));
      std::vector<uint8_t> expected(*LogicalBytes(spec));
      HOIST_ASSERT_OK(Gather(spec, source, absl::MakeSpan(expected)));
      const OnDevice device({source}, expected.size());
      HOIST_ASSERT_OK(GatherOnDevice(0, spec, device.input(), device.output(),
                                     device.stream()));
      EXPECT_TRUE(device.Finish() == expected)
          << DTypeName(dtype) << " " << ShapeString(spec.shape);
    }
  }
}

TEST(KernelsGpuTest, Dequantize) {
  for (const QuantizedMatrix& matrix :
       std::vector<QuantizedMatrix>{{DType::kFloat8E4m3fn, 1300, 1111},
                                    {DType::kFloat8E5m2, 7, 50, 3, 16}}) {
    std::vector<uint8_t> source = RandomBytes(matrix.rows * matrix.columns);
    for (uint8_t& byte : source) byte &= 0xBB;  // no NaN, whose bits are free
    std::vector<float> scales(matrix.grid_rows() * matrix.grid_columns());
    for (size_t i = 0; i < scales.size(); ++i) {
      scales[i] = 0.01f * static_cast<float>(i + 1);
    }
    std::vector<uint8_t> scale_bytes(scales.size() * sizeof(float));
    std::memcpy(scale_bytes.data(), scales.data(), scale_bytes.size());
    for (const DType to :
         {DType::kBfloat16, DType::kFloat16, DType::kFloat32}) {
      std::vector<uint8_t> expected(source.size() * DTypeBits(to) / 8);
      HOIST_ASSERT_OK(
          Dequantize(matrix, source, scales, to, absl::MakeSpan(expected)));
      const OnDevice device({source, scale_bytes}, expected.size());
      HOIST_ASSERT_OK(
          DequantizeOnDevice(0, matrix, device.input(),
                             reinterpret_cast<const float*>(device.input(1)),
                             to, device.output(), device.stream()));
      EXPECT_TRUE(device.Finish() == expected) << DTypeName(to);
    }
  }
}

TEST(KernelsGpuTest, SumsAtEveryAlignment) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{7}, size_t{4096},
                            size_t{4097}, 9 * kManyElements + 5}) {
    const std::vector<uint8_t> data = RandomBytes(size);
    for (const size_t shift : {0, 3}) {
      const OnDevice crc({data}, 4, shift);
      HOIST_ASSERT_OK(Crc32cOnDevice(0, crc.input(), size,
                                     static_cast<uint32_t*>(crc.output()),
                                     crc.stream()));
      EXPECT_EQ(crc.FinishAs<uint32_t>(), Crc32c(data)) << size;
      const OnDevice digest({data}, 8, shift);
      HOIST_ASSERT_OK(Digest64OnDevice(0, digest.input(), size,
                                       static_cast<uint64_t*>(digest.output()),
                                       digest.stream()));
      EXPECT_EQ(digest.FinishAs<uint64_t>(), Digest64(data)) << size;
    }
  }
}

TEST(KernelsGpuTest, ScansOfAllDTypes) {
  struct Output {
    ScanTotals totals;
    uint64_t histogram[8];
  };
  const ScanBins bins = {8, -4, 4};
  for (const DType dtype : AllDTypes()) {
    if (!CanCast(dtype, dtype)) {
      continue;
    }
    std::vector<uint8_t> data =
        RandomBytes(kManyElements * DTypeBits(dtype) / 8);
    // No doubles whose sum is infinite.
    for (size_t i = 7; dtype == DType::kFloat64 && i < data.size(); i += 8) {
      data[i] &= 0xBF;
    }
    HOIST_ASSERT_OK_AND_ASSIGN(const ScanResult expected,
                               Scan(dtype, data, bins));
    const OnDevice device({data}, sizeof(Output));
    auto* const to = static_cast<Output*>(device.output());
    HOIST_ASSERT_OK(ScanOnDevice(0, dtype, device.input(), kManyElements, bins,
                                 &to->totals, to->histogram, device.stream()));
    const auto output = device.FinishAs<Output>();
    const ScanResult result = MakeScanResult(
        kManyElements, output.totals,
        {std::begin(output.histogram), std::end(output.histogram)});
    EXPECT_EQ(result.nan_count, expected.nan_count) << DTypeName(dtype);
    EXPECT_EQ(result.infinity_count, expected.infinity_count)
        << DTypeName(dtype);
    EXPECT_EQ(result.histogram, expected.histogram) << DTypeName(dtype);
    if (expected.nan_count < expected.count) {
      EXPECT_EQ(result.min, expected.min) << DTypeName(dtype);
      EXPECT_EQ(result.max, expected.max) << DTypeName(dtype);
      EXPECT_NEAR(result.mean, expected.mean,
                  1e-9 * (1e-300 + std::max(std::abs(expected.min),
                                            std::abs(expected.max))))
          << DTypeName(dtype);
    }
  }
}

}  // namespace
}  // namespace hoist
