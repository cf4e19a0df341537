#include "hoist/core/trace/trace_json.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "hoist/core/trace/json_string.h"

namespace hoist {
namespace {

// Microseconds, to the nanosecond.
std::string Microseconds(int64_t time_ns) {
  return absl::StrFormat("%s%d.%03d", time_ns < 0 ? "-" : "",
                         std::abs(time_ns / 1000), std::abs(time_ns % 1000));
}

// What tells viewers how to show a process or a lane.
std::string Metadata(absl::string_view key, size_t lane,
                     absl::string_view arguments) {
  return absl::StrCat(R"({"ph":"M","pid":1,"tid":)", lane, R"(,"name":")", key,
                      R"(","args":{)", arguments, "}}");
}

std::string Span(const TraceSpanEvent& span, size_t lane) {
  const std::string bytes =
      span.bytes == 0 ? "" : absl::StrCat(R"("bytes":)", span.bytes);
  return absl::StrCat(
      R"({"ph":"X","pid":1,"tid":)", lane, R"(,"name":)", JsonString(span.name),
      R"(,"cat":)", JsonString(span.category), R"(,"ts":)",
      Microseconds(span.start_ns), R"(,"dur":)", Microseconds(span.duration_ns),
      R"(,"args":{)", bytes, "}}");
}

std::string Counter(const TraceCounterEvent& counter) {
  return absl::StrCat(R"({"ph":"C","pid":1,"name":)", JsonString(counter.name),
                      R"(,"ts":)", Microseconds(counter.time_ns),
                      R"(,"args":{"value":)", counter.value, "}}");
}

}  // namespace

std::string TraceJson(TraceEvents events) {
  // Of spans that start at once, the one that contains the others comes first.
  std::stable_sort(events.spans.begin(), events.spans.end(),
                   [](const TraceSpanEvent& a, const TraceSpanEvent& b) {
                     return std::tie(a.start_ns, b.duration_ns) <
                            std::tie(b.start_ns, a.duration_ns);
                   });
  std::string json =
      absl::StrCat(R"({"displayTimeUnit":"ms","otherData":{"dropped_events":")",
                   events.dropped, "\"},\"traceEvents\":[\n",
                   Metadata("process_name", 0, R"("name":"hoist")"));
  std::map<absl::string_view, size_t> lanes;
  for (const TraceSpanEvent& span : events.spans) {
    const auto [lane, is_new] = lanes.emplace(span.lane, lanes.size() + 1);
    const size_t id = lane->second;
    if (is_new) {
      absl::StrAppend(
          &json, ",\n",
          Metadata("thread_name", id,
                   absl::StrCat(R"("name":)", JsonString(span.lane))),
          ",\n",
          Metadata("thread_sort_index", id,
                   absl::StrCat(R"("sort_index":)", id)));
    }
    absl::StrAppend(&json, ",\n", Span(span, id));
  }
  for (const TraceCounterEvent& counter : events.counters) {
    absl::StrAppend(&json, ",\n", Counter(counter));
  }
  absl::StrAppend(&json, "\n]}\n");
  return json;
}

}  // namespace hoist
