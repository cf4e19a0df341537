#ifndef HOIST_CHECKPOINT_LOAD_PHASE_CLOCK_H_
#define HOIST_CHECKPOINT_LOAD_PHASE_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "hoist/checkpoint/load/load_result.h"

namespace hoist {

// Writes phases into a report so that they sum to the report's time, whatever
// the machine did between them: each ends where the next begins.
// Thread-compatible.
class PhaseClock {
 public:
  // The first phase begins now. `report` has to outlive it.
  explicit PhaseClock(LoadReport& report) : report_(&report) {}

  // Of the phase under way, `time_ns` were this one.
  void Take(std::string name, int64_t time_ns, uint64_t bytes = 0) {
    begin_ += std::chrono::nanoseconds(time_ns);
    report_->time_ns += time_ns;
    report_->phases.push_back(
        {.name = std::move(name), .time_ns = time_ns, .bytes = bytes});
  }

  // All of it that nothing has taken, until `ago_ns` before now.
  void End(std::string name, int64_t ago_ns = 0) {
    const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::steady_clock::now() - begin_);
    Take(std::move(name), time.count() - ago_ns);
  }

 private:
  LoadReport* report_;
  std::chrono::steady_clock::time_point begin_ =
      std::chrono::steady_clock::now();
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_PHASE_CLOCK_H_
