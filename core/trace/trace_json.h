#ifndef HOIST_CORE_TRACE_TRACE_JSON_H_
#define HOIST_CORE_TRACE_TRACE_JSON_H_

#include <string>

#include "hoist/core/trace/trace_recorder.h"

namespace hoist {

// `events` as JSON in the Trace Event Format, which ui.perfetto.dev and
// chrome://tracing open: a row per lane in the order in which lanes begin, and
// a graph per counter, by time. Bytes that are not UTF-8 become U+FFFD.
// Thread-safe.
std::string TraceJson(TraceEvents events);

}  // namespace hoist

#endif  // HOIST_CORE_TRACE_TRACE_JSON_H_
