#include "hoist/cuda/stream_trace.h"

#include <cuda_runtime_api.h>

#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

constexpr size_t kSlot = 4096;
constexpr int kChunks = 5;
constexpr int64_t kCopyNs = 2'000'000;

class StreamTraceTest : public ::testing::Test {
 protected:
  // Copies chunks to device 1, while another is current.
  absl::Status Upload(TraceRecorder* trace) {
    HOIST_ASSIGN_OR_RETURN(
        const auto pool,
        PinnedPool::Create({.slot_bytes = kSlot, .max_bytes = 2 * kSlot},
                           nullptr));
    HOIST_ASSIGN_OR_RETURN(const DeviceBuffer memory,
                           DeviceBuffer::Allocate(1, kSlot));
    HOIST_ASSIGN_OR_RETURN(const auto uploader,
                           Uploader::Create(1, *pool, 2, {.trace = trace}));
    for (int i = 0; i < kChunks; ++i) {
      HOIST_ASSIGN_OR_RETURN(Uploader::Slot slot, uploader->Acquire());
      HOIST_RETURN_IF_ERROR(uploader->Submit(
          std::move(slot),
          {{.size_bytes = kSlot / 2, .device_destination = memory.data()}}));
    }
    return uploader->Finish();
  }

  FakeCudart fake_{
      {.device_count = 2, .allow_timing = true, .copy_latency_ns = kCopyNs}};
};

TEST_F(StreamTraceTest, HasEachSlotsCopiesAsTheDeviceTimedThem) {
  TraceRecorder trace;
  HOIST_ASSERT_OK(Upload(&trace));
  const std::vector<TraceSpanEvent> spans = trace.events().spans;
  ASSERT_EQ(spans.size(), static_cast<size_t>(kChunks));
  int64_t end_ns = 0;
  constexpr int64_t kRoundedNs = 10'000;
  for (const TraceSpanEvent& span : spans) {
    EXPECT_EQ(span.lane, "cuda:1 stream");
    EXPECT_EQ(span.bytes, kSlot / 2);
    EXPECT_GE(span.start_ns, end_ns - kRoundedNs);
    EXPECT_GE(span.duration_ns, kCopyNs - kRoundedNs);
    end_ns = span.start_ns + span.duration_ns;
  }
  EXPECT_LE(end_ns, trace.NowNs() + kRoundedNs);
}

TEST_F(StreamTraceTest, NobodyTimesWhatNobodyTraces) {
  HOIST_ASSERT_OK(Upload(nullptr));
  EXPECT_EQ(fake_.CallCount("cudaEventElapsedTime"), 0);
  EXPECT_EQ(fake_.CallCount("cudaEventRecord"), kChunks);
}

TEST_F(StreamTraceTest, TimesThatCannotBeHadAreLeftOut) {
  TraceRecorder trace;
  fake_.FailCall("cudaEventElapsedTime", 1, cudaErrorUnknown);
  HOIST_EXPECT_OK(Upload(&trace));
  EXPECT_EQ(trace.events().spans.size(), static_cast<size_t>(kChunks - 1));
}

}  // namespace
}  // namespace hoist
