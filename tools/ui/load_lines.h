#ifndef HOIST_TOOLS_UI_LOAD_LINES_H_
#define HOIST_TOOLS_UI_LOAD_LINES_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "hoist/checkpoint/load/load_result.h"

namespace hoist {

// Lines that views of a load and of its plan have in common. All are indented
// by two spaces, end with "\n" and are safe to show. Thread-safe.

// How files are read, and why:
//   read by pread: it is small
// Of many files, a line for those that are read alike, and one for what would
// be more than a few lines. "" for none.
std::string ReadLines(absl::Span<const LoadReport::FileIo> files);

// The most memory that is held at once:
//   memory at most: 224 KiB host, 128 MiB pinned, 2.00 GiB device
// "" for none.
std::string MemoryLine(uint64_t host_bytes, uint64_t pinned_bytes,
                       uint64_t device_bytes);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_LOAD_LINES_H_
