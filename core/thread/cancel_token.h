#ifndef HOIST_CORE_THREAD_CANCEL_TOKEN_H_
#define HOIST_CORE_THREAD_CANCEL_TOKEN_H_

#include <algorithm>
#include <atomic>

namespace hoist {

// By which one thread, or a signal handler, asks others to stop what they do;
// for good. Thread-safe, and Cancel() async-signal-safe.
class CancelToken {
 public:
  // `reason`, which is not negative, is for whoever asks for reason(): the
  // number of a signal. That of the first call stays.
  void Cancel(int reason = 0) {
    int expected = kNotCancelled;
    reason_.compare_exchange_strong(expected, reason,
                                    std::memory_order_relaxed);
  }
  bool is_cancelled() const {
    return reason_.load(std::memory_order_relaxed) != kNotCancelled;
  }
  // 0 before Cancel(), or if it was given none.
  int reason() const {
    return std::max(0, reason_.load(std::memory_order_relaxed));
  }

 private:
  static constexpr int kNotCancelled = -1;
  std::atomic<int> reason_ = kNotCancelled;
  static_assert(std::atomic<int>::is_always_lock_free);
};

}  // namespace hoist

#endif  // HOIST_CORE_THREAD_CANCEL_TOKEN_H_
