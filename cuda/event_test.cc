#include "hoist/cuda/event.h"

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

TEST(EventTest, IsMadeAndDestroyedOnItsDevice) {
  FakeCudart fake({.device_count = 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  {
    HOIST_ASSERT_OK_AND_ASSIGN(const Event event, Event::Create(1));
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    EXPECT_EQ(cudaEventSynchronize(event.get()), cudaSuccess);
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  }
  EXPECT_EQ(fake.CallCount("cudaEventDestroy"), 1);
  int device = -1;
  ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
}

TEST(EventTest, MovingHandsItOver) {
  FakeCudart fake;
  HOIST_ASSERT_OK_AND_ASSIGN(Event a, Event::Create(0));
  const cudaEvent_t handle = a.get();
  const Event b = std::move(a);
  EXPECT_EQ(b.get(), handle);
  EXPECT_EQ(fake.CallCount("cudaEventDestroy"), 0);
}

TEST(EventTest, ReturnsErrors) {
  FakeCudart fake;
  fake.FailCall("cudaEventCreateWithFlags", 1, cudaErrorUnknown);
  EXPECT_THAT(Event::Create(0),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("Creating an event on cuda:0 failed")));
  EXPECT_THAT(Event::Create(1),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(EventTest, AFailedDestructionLeavesNoLastError) {
  FakeCudart fake;
  fake.FailCall("cudaEventDestroy", 1, cudaErrorUnknown);
  HOIST_ASSERT_OK(Event::Create(0));
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
}

}  // namespace
}  // namespace hoist
