#ifndef HOIST_CORE_IO_OUTPUT_FILE_H_
#define HOIST_CORE_IO_OUTPUT_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// Ranges whose place in memory, offset and size are multiples of this are
// written past the page cache, where the file system allows it.
inline constexpr uint64_t kDirectWriteAlignment = 4096;

// A file that is being written. Thread-safe for ranges that do not overlap.
class OutputFile {
 public:
  // Closes it. What was not Sync()ed may be lost when the machine stops.
  virtual ~OutputFile() = default;

  // Where it is for now, for messages.
  virtual const std::string& path() const = 0;

  // Writes all of `bytes` from `offset` on, be it behind the end; blocks. What
  // is never written is zero. kResourceExhausted if the disk is full, the
  // errno's code for all else, with the path.
  virtual absl::Status WriteAt(uint64_t offset,
                               absl::Span<const uint8_t> bytes) = 0;

  // Brings to the disk what was written; blocks. Not while any of it is still
  // being written. An error is final: what was
  // written may be lost, and the file is to be given up.
  virtual absl::Status Sync() = 0;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_OUTPUT_FILE_H_
