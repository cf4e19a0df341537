#include "hoist/cuda/cuda_status.h"

#include <cuda_runtime_api.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

TEST(CudaStatusTest, SuccessIsOk) {
  HOIST_EXPECT_OK(ToStatus(cudaSuccess, "Nothing"));
}

TEST(CudaStatusTest, SaysWhatFailedAndWhy) {
  EXPECT_THAT(
      ToStatus(cudaErrorMemoryAllocation, "Allocating 16 bytes on cuda:0"),
      StatusIs(absl::StatusCode::kResourceExhausted,
               "Allocating 16 bytes on cuda:0 failed: out of memory "
               "(cudaErrorMemoryAllocation)"));
}

TEST(CudaStatusTest, MapsCodes) {
  for (const cudaError_t error :
       {cudaErrorNoDevice, cudaErrorInsufficientDriver, cudaErrorStubLibrary,
        cudaErrorNoKernelImageForDevice, cudaErrorDevicesUnavailable}) {
    EXPECT_THAT(ToStatus(error, "It"),
                StatusIs(absl::StatusCode::kUnavailable, _));
  }
  for (const cudaError_t error : {cudaErrorInvalidDevice, cudaErrorInvalidValue,
                                  cudaErrorInvalidDevicePointer}) {
    EXPECT_THAT(ToStatus(error, "It"),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  for (const cudaError_t error :
       {cudaErrorUnknown, cudaErrorIllegalAddress, cudaErrorECCUncorrectable}) {
    EXPECT_THAT(ToStatus(error, "It"),
                StatusIs(absl::StatusCode::kInternal, _));
  }
}

TEST(CudaStatusTest, HintsAtWhatTheUserCanDo) {
  for (const cudaError_t error :
       {cudaErrorNoDevice, cudaErrorInsufficientDriver}) {
    EXPECT_THAT(HintOf(ToStatus(error, "It")), HasSubstr("nvidia-smi"));
  }
  EXPECT_THAT(HintOf(ToStatus(cudaErrorNoKernelImageForDevice, "It")),
              HasSubstr("--//third_party/cuda:archs"));
  EXPECT_EQ(HintOf(ToStatus(cudaErrorUnknown, "It")), "");
}

TEST(CudaStatusTest, ClearsTheLastError) {
  FakeCudart fake({.device_count = 1});
  const cudaError_t error = cudaSetDevice(5);
  ASSERT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  EXPECT_THAT(ToStatus(error, "Selecting cuda:5"),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

}  // namespace
}  // namespace hoist
