#include "hoist/core/io/direct_read.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hoist {
namespace {

constexpr size_t kBlock = DirectRead::kBlockBytes;
// Below it, copying costs less than two more blocks to read.
constexpr size_t kMinStraightBytes = size_t{64} << 10;

void CopyBytes(uint8_t* to, const uint8_t* from, size_t size) {
  if (size > 0) {
    std::memcpy(to, from, size);
  }
}

}  // namespace

void DirectRead::Prepare(uint64_t offset,
                         std::vector<absl::Span<uint8_t>> parts) {
  offset_ = offset;
  parts_ = std::move(parts);
  size_bytes_ = 0;
  for (const absl::Span<uint8_t> part : parts_) {
    size_bytes_ += part.size();
  }
  const size_t lead = offset % kBlock;  // unwanted bytes of the first block
  begin_ = static_cast<off_t>(offset - lead);
  block_count_ = 0;
  const auto add = [this](uint8_t* data, size_t size) {
    if (size > 0) {
      blocks_[block_count_++] = {.iov_base = data, .iov_len = size};
    }
  };
  const auto address =
      parts_.empty() ? 0 : reinterpret_cast<uintptr_t>(parts_[0].data());
  is_bounced_ = parts_.size() != 1 || size_bytes_ < kMinStraightBytes ||
                address % kBlock != lead;
  const size_t whole_blocks =
      (lead + size_bytes_ + kBlock - 1) / kBlock * kBlock;
  if (bounce_.size() < (is_bounced_ ? whole_blocks : 2 * kBlock)) {
    return;
  }
  if (is_bounced_) {
    add(bounce_.data(), whole_blocks);
    return;
  }
  const size_t head = lead > 0 ? kBlock - lead : 0;
  const size_t whole = (size_bytes_ - head) / kBlock * kBlock;
  add(bounce_.data(), lead > 0 ? kBlock : 0);
  add(parts_[0].data() + head, whole);
  add(bounce_.data() + kBlock, head + whole < size_bytes_ ? kBlock : 0);
}

bool DirectRead::Complete(ssize_t result) {
  const size_t lead = offset_ % kBlock;
  // The last block of a file may be shorter.
  if (result < 0 || static_cast<size_t>(result) < lead + size_bytes_) {
    return false;
  }
  if (is_bounced_) {
    const uint8_t* from = bounce_.data() + lead;
    for (const absl::Span<uint8_t> part : parts_) {
      CopyBytes(part.data(), from, part.size());
      from += part.size();
    }
    return true;
  }
  const size_t head = lead > 0 ? kBlock - lead : 0;
  const size_t tail = (size_bytes_ - head) % kBlock;
  CopyBytes(parts_[0].data(), bounce_.data() + lead, head);
  CopyBytes(parts_[0].data() + size_bytes_ - tail, bounce_.data() + kBlock,
            tail);
  return true;
}

}  // namespace hoist
