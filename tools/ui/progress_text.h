#ifndef HOIST_TOOLS_UI_PROGRESS_TEXT_H_
#define HOIST_TOOLS_UI_PROGRESS_TEXT_H_

#include <cstdint>
#include <string>

namespace hoist {

// How far a load is.
struct Progress {
  uint64_t done_bytes = 0;
  uint64_t total_bytes = 0;
  double bytes_per_second = 0;  // 0 if not known
};

// "[=====>    ] 45 %  0.92 of 2.00 GiB  3.41 GB/s  ETA 0.3 s", for one line of
// a terminal with `width` columns, the last of which stays empty. Where that is
// too narrow, the bar becomes shorter, then parts are left out. Thread-safe.
std::string ProgressLine(const Progress& progress, int width);

// "loaded 0.92 of 2.00 GiB, 3.41 GB/s, 3.2 s left", for logs. Thread-safe.
std::string PlainProgressLine(const Progress& progress);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PROGRESS_TEXT_H_
