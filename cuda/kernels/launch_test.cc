// The device versions' host sides over the stand-in, which runs no kernels.

#include <cuda_runtime_api.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/kernels/byte_planes.h"
#include "hoist/cuda/kernels/byte_swap.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/kernels/crc32c.h"
#include "hoist/cuda/kernels/dequantize.h"
#include "hoist/cuda/kernels/digest.h"
#include "hoist/cuda/kernels/gather.h"
#include "hoist/cuda/kernels/scan.h"
#include "hoist/cuda/stream.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

// Memory of device 1 of 2, the current one being 0.
class LaunchTest : public ::testing::Test {
 protected:
  static constexpr int kDevice = 1;

  void SetUp() override {
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
    auto memory = DeviceBuffer::Allocate(kDevice, 4096);
    auto stream = Stream::Create(kDevice);
    HOIST_ASSERT_OK(memory);
    HOIST_ASSERT_OK(stream);
    memory_.emplace(*std::move(memory));
    stream_.emplace(*std::move(stream));
  }

  template <typename T = void>
  T* At(size_t offset) {
    return reinterpret_cast<T*>(static_cast<uint8_t*>(memory_->data()) +
                                offset);
  }

  CUstream_st* stream() { return stream_->get(); }

  // That `run` launches once on its stream and device, where nothing runs
  // here, returns that error under the name of the work, and leaves no other.
  void ExpectLaunch(const std::string& what,
                    absl::FunctionRef<absl::Status()> run) {
    const int before = fake_.CallCount("cudaLaunchKernel");
    EXPECT_THAT(run(), StatusIs(absl::StatusCode::kUnavailable,
                                HasSubstr(what + " on cuda:1 failed")));
    EXPECT_EQ(fake_.CallCount("cudaLaunchKernel"), before + 1);
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
    int device = -1;
    ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
    EXPECT_EQ(device, 0);
  }

  void ExpectNoLaunch(absl::StatusCode code,
                      absl::FunctionRef<absl::Status()> run) {
    const int before = fake_.CallCount("cudaLaunchKernel");
    EXPECT_EQ(run().code(), code);
    EXPECT_EQ(fake_.CallCount("cudaLaunchKernel"), before);
  }

  FakeCudart fake_{FakeCudart::Options{.device_count = 2}};
  std::optional<DeviceBuffer> memory_;
  std::optional<Stream> stream_;
};

TEST_F(LaunchTest, Cast) {
  const auto cast = [&](DType from, size_t at, DType to, size_t result,
                        size_t count) {
    return CastOnDevice(kDevice, from, At(at), to, At(result), count, stream());
  };
  ExpectLaunch("Casting 16 elements of bfloat16 to float32", [&] {
    return cast(DType::kBfloat16, 0, DType::kFloat32, 64, 16);
  });
  // Also of the same dtype, which is a copy.
  ExpectLaunch("Casting 16 elements of bool to bool",
               [&] { return cast(DType::kBool, 1, DType::kBool, 65, 16); });
  ExpectNoLaunch(absl::StatusCode::kOk, [&] {
    return cast(DType::kBfloat16, 0, DType::kFloat32, 64, 0);
  });
  for (const auto& at : {std::pair(1, 64), std::pair(0, 66)}) {
    ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
      return cast(DType::kBfloat16, at.first, DType::kFloat32, at.second, 16);
    });
  }
  ExpectNoLaunch(absl::StatusCode::kUnimplemented, [&] {
    return cast(DType::kComplex64, 0, DType::kFloat32, 64, 1);
  });
}

TEST_F(LaunchTest, BytePlanes) {
  const auto join = [&](int bytes, size_t result, size_t count) {
    return JoinBytePlanesOnDevice(kDevice, At<uint8_t>(1), bytes, At(result),
                                  count, stream());
  };
  for (const int bytes : {2, 4, 8}) {
    ExpectLaunch(
        "Joining 16 elements of " + std::to_string(bytes) + " byte planes",
        [&] { return join(bytes, 256, 16); });
    ExpectNoLaunch(absl::StatusCode::kInvalidArgument,
                   [&] { return join(bytes, 257, 16); });
  }
  ExpectNoLaunch(absl::StatusCode::kOk, [&] { return join(2, 256, 0); });
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument,
                 [&] { return join(3, 256, 16); });
}

TEST_F(LaunchTest, Gather) {
  const auto gather = [&](const TensorSpec& spec, size_t at, size_t result) {
    return GatherOnDevice(kDevice, spec, At(at), At(result), stream());
  };
  for (const DType dtype : {DType::kInt8, DType::kFloat16, DType::kFloat32,
                            DType::kInt64, DType::kComplex128}) {
    ExpectLaunch("Gathering shape [3, 5] of " + std::string(DTypeName(dtype)),
                 [&] {
                   return gather({dtype, {3, 5}, {1, 3}}, 8, 512);
                 });
  }
  const TensorSpec spec = {DType::kComplex128, {3, 5}, {1, 3}};
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument,
                 [&] { return gather(spec, 4, 512); });
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument,
                 [&] { return gather(spec, 0, 516); });
  ExpectNoLaunch(absl::StatusCode::kOk, [&] {
    return gather({DType::kFloat32, {3, 0}, {1, 1}}, 0, 512);
  });
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
    return gather({DType::kFloat32, {3}, {-1}}, 0, 512);
  });
}

TEST_F(LaunchTest, Dequantize) {
  const auto dequantize = [&](const QuantizedMatrix& matrix, size_t scales,
                              DType to, size_t result) {
    return DequantizeOnDevice(kDevice, matrix, At<uint8_t>(1),
                              At<float>(scales), to, At(result), stream());
  };
  for (const DType dtype : {DType::kFloat8E4m3fn, DType::kFloat8E5m2}) {
    for (const DType to :
         {DType::kBfloat16, DType::kFloat16, DType::kFloat32}) {
      ExpectLaunch(
          "Dequantising 3 x 5 elements to " + std::string(DTypeName(to)), [&] {
            return dequantize({dtype, 3, 5}, 64, to, 128);
          });
    }
  }
  const QuantizedMatrix matrix = {DType::kFloat8E4m3fn, 3, 5};
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument,
                 [&] { return dequantize(matrix, 65, DType::kFloat32, 128); });
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument,
                 [&] { return dequantize(matrix, 64, DType::kFloat32, 129); });
  ExpectNoLaunch(absl::StatusCode::kUnimplemented,
                 [&] { return dequantize(matrix, 64, DType::kFloat64, 128); });
  ExpectNoLaunch(absl::StatusCode::kOk, [&] {
    return dequantize({DType::kFloat8E4m3fn, 0, 5}, 64, DType::kFloat32, 128);
  });
}

TEST_F(LaunchTest, Sums) {
  // The first launch of two, which writes what the second one adds to.
  ExpectLaunch("Summing 100 bytes (CRC-32C)", [&] {
    return Crc32cOnDevice(kDevice, At<uint8_t>(1), 100, At<uint32_t>(128),
                          stream());
  });
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
    return Crc32cOnDevice(kDevice, At<uint8_t>(1), 100, At<uint32_t>(129),
                          stream());
  });
  ExpectLaunch("Digesting 100 bytes", [&] {
    return Digest64OnDevice(kDevice, At<uint8_t>(1), 100, At<uint64_t>(128),
                            stream());
  });
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
    return Digest64OnDevice(kDevice, At<uint8_t>(1), 100, At<uint64_t>(132),
                            stream());
  });
}

TEST_F(LaunchTest, Scan) {
  const auto scan = [&](DType dtype, size_t at, const ScanBins& bins,
                        size_t totals, size_t histogram) {
    return ScanOnDevice(kDevice, dtype, At(at), 10, bins,
                        At<ScanTotals>(totals), At<uint64_t>(histogram),
                        stream());
  };
  ExpectLaunch("Scanning 10 elements of float16", [&] {
    return scan(DType::kFloat16, 2, {4, 0, 1}, 128, 256);
  });
  struct Places {
    size_t at;
    size_t totals;
    size_t histogram;
  };
  for (const Places& places :
       {Places{1, 128, 256}, Places{2, 129, 256}, Places{2, 128, 257}}) {
    ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
      return scan(DType::kFloat16, places.at, {4, 0, 1}, places.totals,
                  places.histogram);
    });
  }
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
    return scan(DType::kFloat16, 2, {4, 1, 0}, 128, 256);
  });
  ExpectNoLaunch(absl::StatusCode::kUnimplemented,
                 [&] { return scan(DType::kComplex32, 0, {}, 128, 256); });
}

TEST_F(LaunchTest, ADeviceThatIsNotThere) {
  ExpectNoLaunch(absl::StatusCode::kInvalidArgument, [&] {
    return Digest64OnDevice(7, At<uint8_t>(0), 100, At<uint64_t>(128),
                            stream());
  });
}

}  // namespace
}  // namespace hoist
