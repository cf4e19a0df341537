#ifndef HOIST_CORE_IO_DIRECT_READ_H_
#define HOIST_CORE_IO_DIRECT_READ_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hoist/core/system/host_arena.h"

namespace hoist {

// One read with O_DIRECT, which takes whole blocks at block-aligned addresses
// only: the blocks that hold the wanted bytes are read into a bounce buffer and
// copied from there; or, where the destination lies as the file does, straight
// into it, and only the blocks at its ends by way of the buffer. Internal to
// core/io. Thread-compatible.
class DirectRead {
 public:
  // What file systems ask for differs (512 or 4096); this is right for all.
  static constexpr size_t kBlockBytes = 4096;
  // Bytes of a bounce buffer for reads of up to `max_read_bytes`.
  static constexpr size_t BounceBytes(size_t max_read_bytes) {
    return (max_read_bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes +
           kBlockBytes;
  }

  // Memory for so many bounce buffers, in huge pages: of small ones a disk may
  // not take enough in one request. Null where there is none.
  static std::shared_ptr<HostArena> BounceMemory(int count,
                                                 size_t max_read_bytes) {
    auto memory = HostArena::Allocate(static_cast<size_t>(count) *
                                      BounceBytes(max_read_bytes));
    return memory.ok() ? *std::move(memory) : nullptr;
  }

  DirectRead() = default;
  // `bounce` is aligned to kBlockBytes.
  explicit DirectRead(absl::Span<uint8_t> bounce) : bounce_(bounce) {}

  // Sets it to read `parts` from byte `offset`.
  void Prepare(uint64_t offset, std::vector<absl::Span<uint8_t>> parts);

  // Arguments for preadv(2). None where the bounce buffer is too small.
  absl::Span<const iovec> blocks() const {
    return absl::MakeSpan(blocks_).subspan(0, block_count_);
  }
  off_t begin() const { return begin_; }
  // Whether all goes through the bounce buffer.
  bool is_bounced() const { return is_bounced_; }

  // Copies to the parts what preadv(2), which returned `result`, has put in the
  // bounce buffer. False if that is not all.
  bool Complete(ssize_t result);

  uint64_t offset() const { return offset_; }
  const std::vector<absl::Span<uint8_t>>& parts() const { return parts_; }

 private:
  absl::Span<uint8_t> bounce_;
  uint64_t offset_ = 0;
  std::vector<absl::Span<uint8_t>> parts_;
  size_t size_bytes_ = 0;
  off_t begin_ = 0;
  bool is_bounced_ = true;
  std::array<iovec, 3> blocks_ = {};
  size_t block_count_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_DIRECT_READ_H_
