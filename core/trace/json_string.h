#ifndef HOIST_CORE_TRACE_JSON_STRING_H_
#define HOIST_CORE_TRACE_JSON_STRING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// `text` as a JSON string, in quotes. Each byte that is not part of valid UTF-8
// becomes U+FFFD. Thread-safe.
std::string JsonString(absl::string_view text);

}  // namespace hoist

#endif  // HOIST_CORE_TRACE_JSON_STRING_H_
