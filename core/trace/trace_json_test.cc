#include "hoist/core/trace/trace_json.h"

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using nlohmann::json;

// The events of a kind, "X", "C" or "M".
std::vector<json> Of(const json& trace, const std::string& kind) {
  std::vector<json> found;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == kind) {
      found.push_back(event);
    }
  }
  return found;
}

std::map<int, std::string> LaneNames(const json& trace) {
  std::map<int, std::string> names;
  for (const json& event : Of(trace, "M")) {
    if (event["name"] == "thread_name") {
      names[event["tid"]] = event["args"]["name"];
    }
  }
  return names;
}

TEST(TraceJsonTest, OfNothingIsValid) {
  const json trace = json::parse(TraceJson({}));
  EXPECT_EQ(Of(trace, "X").size(), 0u);
  EXPECT_EQ(Of(trace, "M").at(0)["args"]["name"], "hoist");
  EXPECT_EQ(trace["otherData"]["dropped_events"], "0");
}

TEST(TraceJsonTest, SpansAreInMicroseconds) {
  TraceEvents events;
  events.spans = {{"read", "io", "reader 1", 1'234'567, 89, 1 << 20}};
  const std::string text = TraceJson(events);
  EXPECT_NE(text.find(R"("ts":1234.567,"dur":0.089)"), std::string::npos)
      << text;
  const auto spans = Of(json::parse(text), "X");
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]["name"], "read");
  EXPECT_EQ(spans[0]["cat"], "io");
  EXPECT_EQ(spans[0]["args"]["bytes"], 1 << 20);
}

TEST(TraceJsonTest, BytesAreLeftOutWhereThereAreNone) {
  TraceEvents events;
  events.spans = {{"wait", "load", "a", 0, 1}};
  EXPECT_FALSE(
      Of(json::parse(TraceJson(events)), "X")[0]["args"].contains("bytes"));
}

TEST(TraceJsonTest, LanesAreNamedInTheOrderInWhichTheyBegin) {
  TraceEvents events;
  events.spans = {{"b", "load", "stream", 50, 1},
                  {"a", "load", "reader", 10, 1},
                  {"c", "load", "stream", 60, 1}};
  const json trace = json::parse(TraceJson(events));
  EXPECT_EQ(LaneNames(trace),
            (std::map<int, std::string>{{1, "reader"}, {2, "stream"}}));
  const auto spans = Of(trace, "X");
  EXPECT_EQ(spans[0]["tid"], 1);
  EXPECT_EQ(spans[1]["tid"], 2);
  EXPECT_EQ(spans[2]["tid"], 2);
}

// A span is recorded when it ends, so that the outer one comes last.
TEST(TraceJsonTest, OuterSpansComeBeforeInnerOnesAndTimeNeverFalls) {
  TraceEvents events;
  events.spans = {{"inner", "load", "a", 100, 10},
                  {"first", "load", "a", 90, 5},
                  {"outer", "load", "a", 100, 50}};
  const auto spans = Of(json::parse(TraceJson(events)), "X");
  EXPECT_EQ(spans[0]["name"], "first");
  EXPECT_EQ(spans[1]["name"], "outer");
  EXPECT_EQ(spans[2]["name"], "inner");
}

TEST(TraceJsonTest, CountersHaveValues) {
  TraceEvents events;
  events.counters = {{"slots in use", 1500, 3}, {"slots in use", 2500, -1}};
  const auto counters = Of(json::parse(TraceJson(events)), "C");
  ASSERT_EQ(counters.size(), 2u);
  EXPECT_EQ(counters[0]["name"], "slots in use");
  EXPECT_EQ(counters[0]["ts"], 1.5);
  EXPECT_EQ(counters[0]["args"]["value"], 3);
  EXPECT_EQ(counters[1]["args"]["value"], -1);
}

TEST(TraceJsonTest, AnyTextAndNumberIsValidJson) {
  TraceEvents events;
  const std::string text("\"\\\n\0\xff\u00e9", 7);
  events.spans = {{text, text, text, std::numeric_limits<int64_t>::min(),
                   std::numeric_limits<int64_t>::max(),
                   std::numeric_limits<uint64_t>::max()},
                  {text, text, text, -1, 0}};
  events.counters = {{text, std::numeric_limits<int64_t>::max(),
                      std::numeric_limits<int64_t>::min()}};
  events.dropped = 7;
  const json trace = json::parse(TraceJson(events));
  const std::string shown = "\"\\\n" + std::string(1, '\0') + "\ufffd\u00e9";
  EXPECT_EQ(Of(trace, "X")[0]["name"], shown);
  EXPECT_EQ(Of(trace, "X")[1]["ts"], -0.001);
  EXPECT_EQ(LaneNames(trace)[1], shown);
  EXPECT_EQ(trace["otherData"]["dropped_events"], "7");
}

}  // namespace
}  // namespace hoist
