#ifndef HOIST_TOOLS_UI_RATE_WINDOW_H_
#define HOIST_TOOLS_UI_RATE_WINDOW_H_

#include <cstdint>
#include <deque>

namespace hoist {

// How fast bytes come, over the last seconds. Thread-compatible.
class RateWindow {
 public:
  // `bytes` had come in all at `time_ns`. Neither falls from call to call.
  void Add(int64_t time_ns, uint64_t bytes);

  // Over the last 3 s, or over what there is. 0 before the second Add().
  double BytesPerSecond() const;

 private:
  struct Sample {
    int64_t time_ns;
    uint64_t bytes;
  };
  // The first is the last one that is as old as the window, or older.
  std::deque<Sample> samples_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_RATE_WINDOW_H_
