#ifndef HOIST_TOOLS_UI_PROGRESS_BAR_H_
#define HOIST_TOOLS_UI_PROGRESS_BAR_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <ostream>
#include <thread>

#include "hoist/tools/ui/progress_display.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// Nanoseconds of std::chrono::steady_clock.
int64_t SteadyNowNs();

// A ProgressDisplay that a thread of its own draws, so that who loads never
// waits for a terminal, and so that a load that hangs is seen to. Thread-safe.
//
//   ProgressBar bar(DetectTerminal(STDERR_FILENO), std::cerr);
//   ... bar.Update(done, total);   // from any thread
//   bar.Finish();                  // before anything else is printed
class ProgressBar {
 public:
  // `out` must outlive this object; until Finish() nobody else uses it.
  ProgressBar(const Terminal& terminal, std::ostream& out,
              std::function<int64_t()> now_ns = SteadyNowNs);
  // As Finish().
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done_bytes` in all have been loaded; of calls that overtake one another
  // the largest counts. Takes nanoseconds and no lock.
  void Update(uint64_t done_bytes, uint64_t total_bytes);

  // Ends the thread and clears the terminal's line. Later calls do nothing. Not
  // for two threads at once. Blocks while `out` does.
  void Finish();

 private:
  void Draw(const std::stop_token& stop);

  std::atomic<uint64_t> done_bytes_ = 0;
  std::atomic<uint64_t> total_bytes_ = 0;
  const std::function<int64_t()> now_ns_;
  ProgressDisplay display_;
  std::jthread thread_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PROGRESS_BAR_H_
