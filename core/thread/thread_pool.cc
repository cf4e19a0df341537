#include "hoist/core/thread/thread_pool.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// What the helpers of one ParallelFor share. A helper that the pool starts only
// after the caller has returned finds no index left and touches nothing else,
// so the state outlives the call by shared ownership.
struct Loop {
  explicit Loop(int64_t count, absl::FunctionRef<absl::Status(int64_t)> body)
      : count(count), body(body) {}

  void Run() ABSL_LOCKS_EXCLUDED(mu) {
    for (;;) {
      int64_t index;
      {
        MutexLock lock(&mu);
        if (next >= count) return;
        index = next++;
        ++running;
      }
      absl::Status result = body(index);
      MutexLock lock(&mu);
      if (!result.ok()) {
        next = count;  // no further index is started
        if (status.ok()) status = std::move(result);
      }
      if (--running == 0) idle.SignalAll();
    }
  }

  const int64_t count;
  const absl::FunctionRef<absl::Status(int64_t)> body;
  Mutex mu;
  CondVar idle;
  int64_t next ABSL_GUARDED_BY(mu) = 0;
  int running ABSL_GUARDED_BY(mu) = 0;
  absl::Status status ABSL_GUARDED_BY(mu);
};

}  // namespace

ThreadPool::ThreadPool(int thread_count) {
  HOIST_CHECK(thread_count >= 1);
  threads_.reserve(thread_count);
  for (int i = 0; i < thread_count; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Schedule(std::function<void()> task) {
  {
    MutexLock lock(&mu_);
    tasks_.push_back(std::move(task));
  }
  changed_.Signal();
}

void ThreadPool::Work() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(&mu_);
      while (tasks_.empty() && !stopping_) changed_.Wait(&mu_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

absl::Status ParallelFor(ThreadPool& pool, int64_t count,
                         absl::FunctionRef<absl::Status(int64_t)> body) {
  auto loop = std::make_shared<Loop>(count, body);
  const int64_t helpers = std::min<int64_t>(pool.thread_count(), count - 1);
  for (int64_t i = 0; i < helpers; ++i) {
    pool.Schedule([loop] { loop->Run(); });
  }
  loop->Run();
  MutexLock lock(&loop->mu);
  while (loop->running > 0) loop->idle.Wait(&loop->mu);
  // Out of the shared state, which a helper may release last: an error belongs
  // to one thread.
  return std::move(loop->status);
}

}  // namespace hoist
