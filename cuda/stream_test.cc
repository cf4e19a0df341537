#include "hoist/cuda/stream.h"

#include <cuda_runtime_api.h>

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

TEST(StreamTest, IsMadeAndDestroyedOnItsDevice) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const Stream stream, Stream::Create(1));
    EXPECT_EQ(stream.device(), 1);
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream.get()), cudaSuccess);
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  }
  EXPECT_EQ(fake.CallCount("cudaStreamDestroy"), 1);
  int device = -1;
  ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
}

TEST(StreamTest, MovingHandsItOver) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(Stream a, Stream::Create(0));
  const cudaStream_t handle = a.get();
  const Stream b = std::move(a);
  EXPECT_EQ(b.get(), handle);
  EXPECT_EQ(fake.CallCount("cudaStreamDestroy"), 0);
}

TEST(StreamTest, ReturnsErrors) {
  FakeCudart fake;
  fake.FailCall("cudaStreamCreateWithFlags", 1, cudaErrorUnknown);
  EXPECT_THAT(Stream::Create(0),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("Creating a stream on cuda:0 failed")));
  EXPECT_THAT(Stream::Create(1),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(StreamTest, AFailedDestructionLeavesNoLastError) {
  FakeCudart fake;
  fake.FailCall("cudaStreamDestroy", 1, cudaErrorUnknown);
  HOIST_ASSERT_OK(Stream::Create(0));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

}  // namespace
}  // namespace hoist
