#ifndef HOIST_CORE_THREAD_CANCEL_TOKEN_H_
#define HOIST_CORE_THREAD_CANCEL_TOKEN_H_

#include <atomic>

namespace hoist {

// By which one thread, or a signal handler, asks others to stop what they do;
// for good. Thread-safe, and Cancel() async-signal-safe.
class CancelToken {
 public:
  void Cancel() { is_cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const {
    return is_cancelled_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> is_cancelled_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace hoist

#endif  // HOIST_CORE_THREAD_CANCEL_TOKEN_H_
