#ifndef HOIST_CORE_SYSTEM_HOST_ARENA_H_
#define HOIST_CORE_SYSTEM_HOST_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace hoist {

// Host memory that many tensors lie in, straight from the system: in huge
// pages where the system grants them and kHugePageBytes or more are asked for,
// so that to touch it first costs a page fault for each of those only. No page
// is taken before it is touched, by whatever thread that is, and it is zero
// then. The object is thread-safe, the bytes are the users' own affair.
class HostArena {
 public:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;

  // `size_bytes`, aligned to kHugePageBytes (of less than that: to a page);
  // 0 is an arena without memory. kResourceExhausted where the system has no
  // such range left.
  static absl::StatusOr<std::shared_ptr<HostArena>> Allocate(size_t size_bytes);

  ~HostArena();
  HostArena(const HostArena&) = delete;
  HostArena& operator=(const HostArena&) = delete;

  absl::Span<uint8_t> bytes() const { return bytes_; }

 private:
  HostArena(void* mapping, size_t mapping_bytes, absl::Span<uint8_t> bytes)
      : mapping_(mapping), mapping_bytes_(mapping_bytes), bytes_(bytes) {}

  void* const mapping_;
  const size_t mapping_bytes_;
  const absl::Span<uint8_t> bytes_;
};

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_HOST_ARENA_H_
