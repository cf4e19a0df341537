#include "hoist/checkpoint/migrate/block_cache.h"

#include <algorithm>

#include "hoist/core/status/status_macros.h"

namespace hoist {

std::shared_ptr<BlockCache::Block> BlockCache::Find(const void* owner,
                                                    int64_t index) {
  MutexLock lock(&mutex_);
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.owner == owner && entry.index == index;
      });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    entries_.push_front({.owner = owner,
                         .index = index,
                         .size_bytes = 0,
                         .block = std::make_shared<Block>()});
  }
  return entries_.front().block;
}

void BlockCache::SetSize(const std::shared_ptr<Block>& block,
                         size_t size_bytes) {
  MutexLock lock(&mutex_);
  const auto found =
      std::find_if(entries_.begin(), entries_.end(),
                   [&](const Entry& entry) { return entry.block == block; });
  if (found == entries_.end()) {
    return;
  }
  found->size_bytes = size_bytes;
  size_bytes_ += size_bytes;
  for (auto entry = entries_.end();
       size_bytes_ > capacity_bytes_ && entry != entries_.begin();) {
    --entry;
    // Those of size 0 are being made.
    if (entry->block != block && entry->size_bytes > 0) {
      size_bytes_ -= entry->size_bytes;
      entry = entries_.erase(entry);
    }
  }
}

absl::StatusOr<std::shared_ptr<const BlockCache::Bytes>> BlockCache::Get(
    const void* owner, int64_t index, Make make) {
  const std::shared_ptr<Block> block = Find(owner, index);
  MutexLock lock(&block->mutex);
  if (block->bytes == nullptr) {
    auto bytes = std::make_shared<Bytes>();
    HOIST_RETURN_IF_ERROR(make(*bytes));
    SetSize(block, bytes->size());
    block->bytes = std::move(bytes);
  }
  return block->bytes;
}

void BlockCache::Forget(const void* owner) {
  MutexLock lock(&mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->owner == owner) {
      size_bytes_ -= entry->size_bytes;
      entry = entries_.erase(entry);
    } else {
      ++entry;
    }
  }
}

}  // namespace hoist
