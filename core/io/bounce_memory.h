#ifndef HOIST_CORE_IO_BOUNCE_MEMORY_H_
#define HOIST_CORE_IO_BOUNCE_MEMORY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// Pages that blocks are read into before they are copied; empty where there is
// no memory. Taken from the system as they are used. Internal to core/io.
// Thread-compatible.
class BounceMemory {
 public:
  explicit BounceMemory(size_t size_bytes) {
    void* const data = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data != MAP_FAILED) {
      bytes_ = absl::MakeSpan(static_cast<uint8_t*>(data), size_bytes);
    }
  }
  ~BounceMemory() {
    if (!bytes_.empty()) {
      munmap(bytes_.data(), bytes_.size());
    }
  }
  BounceMemory(const BounceMemory&) = delete;
  BounceMemory& operator=(const BounceMemory&) = delete;

  absl::Span<uint8_t> bytes() const { return bytes_; }

 private:
  absl::Span<uint8_t> bytes_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_BOUNCE_MEMORY_H_
