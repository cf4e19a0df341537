#ifndef HOIST_CHECKPOINT_MIGRATE_BLOCK_CACHE_H_
#define HOIST_CHECKPOINT_MIGRATE_BLOCK_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// Blocks of computed bytes that several owners keep for their next read, of
// which the ones not used for longest go first. Thread-safe.
class BlockCache {
 public:
  using Bytes = std::vector<uint8_t>;
  using Make = absl::FunctionRef<absl::Status(Bytes& bytes)>;

  // Keeps blocks of `capacity_bytes` together, and always the last one made;
  // blocks in use count no more once others have taken their place.
  explicit BlockCache(size_t capacity_bytes)
      : capacity_bytes_(capacity_bytes) {}

  // Block `index` of `owner`: made by `make` if it is not there, by one thread,
  // for which others that want the same one wait. An error of `make` is
  // returned, and not kept. `make` may ask for blocks of other owners, as long
  // as those do not ask back.
  absl::StatusOr<std::shared_ptr<const Bytes>> Get(const void* owner,
                                                   int64_t index, Make make);

  // Forgets the blocks of `owner`, which is about to go.
  void Forget(const void* owner);

 private:
  struct Block {
    Mutex mutex;
    std::shared_ptr<const Bytes> bytes ABSL_GUARDED_BY(mutex);
  };
  struct Entry {
    const void* owner;
    int64_t index;
    size_t size_bytes;  // 0 until it is made
    std::shared_ptr<Block> block;
  };

  std::shared_ptr<Block> Find(const void* owner, int64_t index);
  void SetSize(const std::shared_ptr<Block>& block, size_t size_bytes);

  const size_t capacity_bytes_;
  Mutex mutex_;
  // The one used last comes first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  size_t size_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_BLOCK_CACHE_H_
