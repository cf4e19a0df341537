#ifndef HOIST_TOOLS_UI_DISPLAY_TEXT_H_
#define HOIST_TOOLS_UI_DISPLAY_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// Text from a file, as it may be shown to a person. Thread-safe.

// Columns that `text`, which is valid UTF-8, takes on a terminal.
size_t DisplayWidth(absl::string_view text);

// `text` without anything that a terminal would obey or a reader would not see:
// control characters, invisible and direction-changing ones, and bytes that are
// not UTF-8 are spelled as "\n", "\x1b", "\u202e". If that takes more than
// `max_width` columns, "..." stands for its middle. Looks at no more of `text`
// than it shows.
std::string DisplayText(absl::string_view text, size_t max_width);

// The same without limit.
std::string DisplayText(absl::string_view text);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_DISPLAY_TEXT_H_
