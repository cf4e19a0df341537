#include "hoist/tools/ui/rate_window.h"

namespace hoist {

void RateWindow::Add(int64_t time_ns, uint64_t bytes) {
  constexpr int64_t kWindowNs = 3'000'000'000;
  samples_.push_back({time_ns, bytes});
  while (samples_.size() > 2 && samples_[1].time_ns <= time_ns - kWindowNs) {
    samples_.pop_front();
  }
}

double RateWindow::BytesPerSecond() const {
  if (samples_.size() < 2) {
    return 0;
  }
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  if (last.time_ns <= first.time_ns) {
    return 0;
  }
  return static_cast<double>(last.bytes - first.bytes) * 1e9 /
         static_cast<double>(last.time_ns - first.time_ns);
}

}  // namespace hoist
