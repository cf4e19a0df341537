#ifndef HOIST_CHECKPOINT_WRITE_BLOCK_SCHEDULE_H_
#define HOIST_CHECKPOINT_WRITE_BLOCK_SCHEDULE_H_

#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "hoist/checkpoint/write/write_plan.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// Which block of a plan a thread fills or writes next, and in which slot of
// memory. Whoever comes back from the disk writes what is filled before it
// fills anything: a disk ends many writes at once, and has nothing to do while
// the next are copied. Internal to checkpoint/write. Thread-safe.
class BlockSchedule {
 public:
  enum class Work { kFill, kWrite, kNone };
  struct Step {
    Work work = Work::kNone;
    int block = 0;  // index into WritePlan::blocks
    int slot = 0;   // the caller's alone from Next() to Filled() or Written()
    int task = 0;   // index into WritePlan::tasks
  };

  // For `thread_count` threads, 1 or more; keeps a reference to `plan`.
  BlockSchedule(const WritePlan& plan, int thread_count);

  int slot_count() const { return slot_count_; }
  int max_writes() const { return max_writes_; }

  // What to do, which ends with Filled(), Written() or Stop(); kNone when
  // there is nothing left for this thread. Blocks until there is something:
  // others have all that could be done.
  Step Next() ABSL_LOCKS_EXCLUDED(mu_);
  void Filled(const Step& step) ABSL_LOCKS_EXCLUDED(mu_);
  void Written(const Step& step) ABSL_LOCKS_EXCLUDED(mu_);

  // No thread gets anything from now on: one of them failed.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool HasUnfilled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step TakeUnfilled() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const WritePlan& plan_;
  const int max_writes_;
  const int slot_count_;
  Mutex mu_;
  CondVar changed_;
  size_t next_task_ ABSL_GUARDED_BY(mu_) = 0;
  // The next blocks of tasks that are begun, and which nobody fills.
  std::deque<Step> resumable_ ABSL_GUARDED_BY(mu_);
  std::deque<Step> filled_ ABSL_GUARDED_BY(mu_);
  std::vector<int> free_slots_ ABSL_GUARDED_BY(mu_);
  int filling_ ABSL_GUARDED_BY(mu_) = 0;
  int writing_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_BLOCK_SCHEDULE_H_
