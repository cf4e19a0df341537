#ifndef HOIST_CORE_THREAD_THREAD_POOL_H_
#define HOIST_CORE_THREAD_THREAD_POOL_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// A fixed number of threads that run tasks in the order of Schedule(). It is
// passed to whoever needs threads; nothing in Hoist starts its own. The
// destructor runs what is queued, then joins. Thread-safe.
class ThreadPool {
 public:
  // `thread_count` is at least 1.
  explicit ThreadPool(int thread_count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int thread_count() const { return static_cast<int>(threads_.size()); }

  // Runs `task` on one of the threads. Does not block.
  void Schedule(std::function<void()> task) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mu_);

  Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

// Calls `body` for every index in [0, count) on the pool's threads and on the
// caller's own, in increasing order of start; blocks until all have returned.
// After the first error no further index is started, and that error is
// returned. May be called on a thread of `pool` itself: the caller alone
// makes progress then if no other thread is free.
absl::Status ParallelFor(ThreadPool& pool, int64_t count,
                         absl::FunctionRef<absl::Status(int64_t)> body);

}  // namespace hoist

#endif  // HOIST_CORE_THREAD_THREAD_POOL_H_
