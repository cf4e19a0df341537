#ifndef HOIST_CORE_IO_READ_METHOD_H_
#define HOIST_CORE_IO_READ_METHOD_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace hoist {

// How the bytes of a file come to memory.
enum class ReadMethod {
  kPread,   // copied from the page cache, which keeps them
  kMmap,    // pages of the page cache, mapped
  kDirect,  // past the page cache (O_DIRECT)
};

// "pread", "mmap", "direct".
absl::string_view ReadMethodName(ReadMethod method);

// The method of that name; none of any other text.
std::optional<ReadMethod> ReadMethodFromName(absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CORE_IO_READ_METHOD_H_
