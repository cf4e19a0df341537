#include "hoist/checkpoint/write/block_schedule.h"

#include <algorithm>

namespace hoist {
namespace {

// A third of the threads fill while all others wait for the disk.
int MaxWrites(int thread_count) {
  return thread_count == 1 ? 1 : thread_count - std::max(1, thread_count / 3);
}

// Of several threads: so that each may hold one, and two more are filled.
int SlotCount(int thread_count) {
  return thread_count == 1 ? 1 : thread_count + 2;
}

}  // namespace

BlockSchedule::BlockSchedule(const WritePlan& plan, int thread_count)
    : plan_(plan),
      max_writes_(MaxWrites(thread_count)),
      slot_count_(SlotCount(thread_count)) {
  for (int slot = slot_count_ - 1; slot >= 0; --slot) {
    free_slots_.push_back(slot);
  }
}

bool BlockSchedule::HasUnfilled() const {
  return next_task_ < plan_.tasks.size() || !resumable_.empty();
}

BlockSchedule::Step BlockSchedule::TakeUnfilled() {
  Step step;
  if (!resumable_.empty()) {
    step = resumable_.front();
    resumable_.pop_front();
  } else {
    step.task = static_cast<int>(next_task_++);
    step.block = plan_.tasks[step.task].first_block;
  }
  step.work = Work::kFill;
  step.slot = free_slots_.back();
  free_slots_.pop_back();
  return step;
}

BlockSchedule::Step BlockSchedule::Next() {
  const MutexLock lock(&mu_);
  for (;;) {
    if (is_stopped_) {
      return {};
    }
    if (!filled_.empty() && writing_ < max_writes_) {
      Step step = filled_.front();
      filled_.pop_front();
      step.work = Work::kWrite;
      ++writing_;
      return step;
    }
    if (HasUnfilled() && !free_slots_.empty()) {
      ++filling_;
      return TakeUnfilled();
    }
    if (!HasUnfilled() && filled_.empty() && filling_ == 0) {
      return {};
    }
    changed_.Wait(&mu_);
  }
}

void BlockSchedule::Filled(const Step& step) {
  const MutexLock lock(&mu_);
  --filling_;
  filled_.push_back(step);
  const WritePlan::Task& task = plan_.tasks[step.task];
  if (step.block + 1 < task.first_block + task.block_count) {
    resumable_.push_back({.block = step.block + 1, .task = step.task});
  }
  changed_.SignalAll();
}

void BlockSchedule::Written(const Step& step) {
  const MutexLock lock(&mu_);
  --writing_;
  free_slots_.push_back(step.slot);
  changed_.SignalAll();
}

void BlockSchedule::Stop() {
  const MutexLock lock(&mu_);
  is_stopped_ = true;
  changed_.SignalAll();
}

}  // namespace hoist
