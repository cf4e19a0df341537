#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_SHELL_WORD_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_SHELL_WORD_H_

#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// `text` as a hint writes it on a command line: in quotes unless it is plain.
// Thread-safe.
std::string ShellWord(absl::string_view text);

// What follows the last "/" of `path`.
absl::string_view FileName(absl::string_view path);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_SHELL_WORD_H_
