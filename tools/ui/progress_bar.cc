#include "hoist/tools/ui/progress_bar.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace hoist {

int64_t SteadyNowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

ProgressBar::ProgressBar(const Terminal& terminal, std::ostream& out,
                         std::function<int64_t()> now_ns)
    : now_ns_(std::move(now_ns)),
      display_(terminal, out, now_ns_()),
      thread_([this](const std::stop_token& stop) { Draw(stop); }) {}

ProgressBar::~ProgressBar() { Finish(); }

void ProgressBar::Update(uint64_t done_bytes, uint64_t total_bytes) {
  total_bytes_.store(total_bytes, std::memory_order_relaxed);
  uint64_t before = done_bytes_.load(std::memory_order_relaxed);
  while (before < done_bytes &&
         !done_bytes_.compare_exchange_weak(before, done_bytes,
                                            std::memory_order_relaxed)) {
  }
}

void ProgressBar::Finish() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
    display_.Clear();
  }
}

void ProgressBar::Draw(const std::stop_token& stop) {
  // Often enough for a display that draws ten times a second.
  constexpr std::chrono::milliseconds kPause{25};
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kPause,
                        [&] { return stop.stop_requested(); })) {
    display_.Show(done_bytes_.load(std::memory_order_relaxed),
                  total_bytes_.load(std::memory_order_relaxed), now_ns_());
  }
}

}  // namespace hoist
