#ifndef HOIST_CHECKPOINT_SCAN_PICKLE_STRINGS_H_
#define HOIST_CHECKPOINT_SCAN_PICKLE_STRINGS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// The text forms of strings in protocol 0, decoded as leniently as any reader
// of pickles might: names must not hide behind escapes. Thread-safe.

// Python's raw-unicode-escape (opcode UNICODE) to UTF-8. What is no valid
// escape stays as it is.
std::string UnescapeRawUnicode(absl::string_view text);

// A quoted literal (opcode STRING) to its bytes. What has no quotes, or no
// valid escape, stays as it is.
std::string UnescapePythonString(absl::string_view literal);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_PICKLE_STRINGS_H_
