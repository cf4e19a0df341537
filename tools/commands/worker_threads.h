#ifndef HOIST_TOOLS_COMMANDS_WORKER_THREADS_H_
#define HOIST_TOOLS_COMMANDS_WORKER_THREADS_H_

#include <memory>

#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// How many threads to work with unless told: one for each CPU that this
// process may use, up to where more have no use for reading.
int DefaultThreadCount();

// The same for writing a checkpoint, which keeps a disk busy: while one thread
// copies and makes checksums, others wait for the disk, be there CPUs or not.
int DefaultWriteThreadCount();

// The threads that a command works with. The caller's own is one of them, so of
// one thread there is no pool.
class WorkerThreads {
 public:
  explicit WorkerThreads(int count)
      : pool_(count > 1 ? std::make_unique<ThreadPool>(count - 1) : nullptr) {}

  ThreadPool* pool() const { return pool_.get(); }

 private:
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_WORKER_THREADS_H_
