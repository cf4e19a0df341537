#include "hoist/core/trace/trace_recorder.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(TraceRecorderTest, KeepsSpansAsTheyAre) {
  TraceRecorder recorder;
  recorder.AddSpan({"copy", "cuda", "stream", 5, 7, 9});
  const TraceEvents events = recorder.events();
  ASSERT_EQ(events.spans.size(), 1u);
  EXPECT_EQ(events.spans[0].name, "copy");
  EXPECT_EQ(events.spans[0].category, "cuda");
  EXPECT_EQ(events.spans[0].lane, "stream");
  EXPECT_EQ(events.spans[0].start_ns, 5);
  EXPECT_EQ(events.spans[0].duration_ns, 7);
  EXPECT_EQ(events.spans[0].bytes, 9u);
}

TEST(TraceRecorderTest, CountersHaveTheTimeOfTheCall) {
  TraceRecorder recorder;
  const int64_t before = recorder.NowNs();
  EXPECT_GE(before, 0);
  recorder.AddCounter("slots", 3);
  recorder.AddCounter("slots", 2);
  const int64_t after = recorder.NowNs();
  const TraceEvents events = recorder.events();
  ASSERT_EQ(events.counters.size(), 2u);
  EXPECT_EQ(events.counters[0].value, 3);
  EXPECT_LE(before, events.counters[0].time_ns);
  EXPECT_LE(events.counters[0].time_ns, events.counters[1].time_ns);
  EXPECT_LE(events.counters[1].time_ns, after);
}

TEST(TraceRecorderTest, IsBoundedAndCountsTheRest) {
  TraceRecorder recorder(3);
  recorder.AddCounter("a", 1);
  for (int i = 0; i < 4; ++i) {
    recorder.AddSpan({absl::StrCat(i)});
  }
  recorder.AddCounter("a", 2);
  const TraceEvents events = recorder.events();
  EXPECT_EQ(events.spans.size(), 2u);
  EXPECT_EQ(events.counters.size(), 1u);
  EXPECT_EQ(events.dropped, 3u);
}

TEST(TraceRecorderTest, ManyThreadsRecordEveryEvent) {
  constexpr int kThreads = 4;
  constexpr int kEvents = 500;
  TraceRecorder recorder;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kEvents; ++k) {
        recorder.AddSpan({"x", "load", recorder.ThreadLane(), k, 1});
        recorder.AddCounter("n", k);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const TraceEvents events = recorder.events();
  EXPECT_EQ(events.spans.size(), size_t{kThreads} * kEvents);
  EXPECT_EQ(events.counters.size(), size_t{kThreads} * kEvents);
  std::set<std::string> lanes;
  for (const TraceSpanEvent& span : events.spans) {
    lanes.insert(span.lane);
  }
  // A thread may get the number of one that has ended.
  EXPECT_GE(lanes.size(), 1u);
  EXPECT_LE(lanes.size(), size_t{kThreads});
  for (size_t i = 1; i < events.counters.size(); ++i) {
    ASSERT_LE(events.counters[i - 1].time_ns, events.counters[i].time_ns);
  }
}

TEST(TraceRecorderTest, AThreadKeepsItsLane) {
  TraceRecorder recorder;
  EXPECT_EQ(recorder.ThreadLane(), "thread 1");
  std::string other;
  std::thread([&] { other = recorder.ThreadLane(); }).join();
  EXPECT_EQ(other, "thread 2");
  EXPECT_EQ(recorder.ThreadLane(), "thread 1");
}

}  // namespace
}  // namespace hoist
