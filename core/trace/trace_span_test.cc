#include "hoist/core/trace/trace_span.h"

#include <string>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(TraceSpanTest, RecordsTheScope) {
  TraceRecorder recorder;
  const int64_t before = recorder.NowNs();
  {
    const TraceSpan span(&recorder, "uploader", std::string("copy"), 42);
    EXPECT_TRUE(recorder.events().spans.empty());
  }
  const int64_t after = recorder.NowNs();
  const TraceEvents events = recorder.events();
  ASSERT_EQ(events.spans.size(), 1u);
  const TraceSpanEvent& span = events.spans[0];
  EXPECT_EQ(span.name, "copy");
  EXPECT_EQ(span.lane, "uploader");
  EXPECT_EQ(span.category, "load");
  EXPECT_EQ(span.bytes, 42u);
  EXPECT_LE(before, span.start_ns);
  EXPECT_GT(span.duration_ns, 0);
  EXPECT_LE(span.start_ns + span.duration_ns, after);
}

TEST(TraceSpanTest, ScopesNest) {
  TraceRecorder recorder;
  {
    const TraceSpan outer(&recorder, "", "outer", 0, "io");
    const TraceSpan inner(&recorder, "", "inner");
  }
  const TraceEvents events = recorder.events();
  ASSERT_EQ(events.spans.size(), 2u);
  const TraceSpanEvent& inner = events.spans[0];
  const TraceSpanEvent& outer = events.spans[1];
  EXPECT_EQ(inner.name, "inner");
  EXPECT_EQ(outer.category, "io");
  EXPECT_EQ(outer.lane, "thread 1");
  EXPECT_EQ(inner.lane, "thread 1");
  EXPECT_LE(outer.start_ns, inner.start_ns);
  EXPECT_GE(outer.start_ns + outer.duration_ns,
            inner.start_ns + inner.duration_ns);
}

TEST(TraceSpanTest, WithoutARecorderIsNothing) {
  const TraceSpan span(nullptr, "a", "b", 1);
}

}  // namespace
}  // namespace hoist
