#ifndef HOIST_CHECKPOINT_STORE_STORE_LOCK_H_
#define HOIST_CHECKPOINT_STORE_STORE_LOCK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace hoist {

// That one process at a time changes a store: a lock of the system (flock(2))
// on the file ".hoist-lock" in its folder, which says in words who has it. The
// lock goes with its process, however that ends, so what the file says counts
// only while it is locked. Thread-compatible.
class StoreLock {
 public:
  // Waits for it up to `max_wait_ns`; blocks so long. kUnavailable, with who
  // has it, after that.
  static absl::StatusOr<std::unique_ptr<StoreLock>> Acquire(
      const std::string& folder, int64_t max_wait_ns);
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  explicit StoreLock(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
};

// The name of its file.
inline constexpr char kStoreLockName[] = ".hoist-lock";

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_STORE_LOCK_H_
