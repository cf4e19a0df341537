#ifndef HOIST_CORE_SYSTEM_TEXT_FILE_H_
#define HOIST_CORE_SYSTEM_TEXT_FILE_H_

#include <optional>
#include <string>

namespace hoist {

// The content of a small file, such as the kernel's under /proc, whose size is
// not known before it is read. nullopt if it cannot be read or has more than
// 16 MiB. Thread-safe; blocks.
std::optional<std::string> ReadTextFile(const std::string& path);

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_TEXT_FILE_H_
