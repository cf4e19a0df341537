#ifndef HOIST_TOOLS_UI_PROGRESS_DISPLAY_H_
#define HOIST_TOOLS_UI_PROGRESS_DISPLAY_H_

#include <cstddef>
#include <cstdint>
#include <ostream>

#include "hoist/tools/ui/rate_window.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// Shows how far a load is: on a terminal in one line, drawn again and again, at
// most 10 times a second; elsewhere in a line of its own every 5 s. Nothing in
// the first half second, so that short loads show nothing. Times are of any
// clock that does not fall. Thread-compatible; blocks while `out` does.
class ProgressDisplay {
 public:
  // `out` must outlive this object.
  ProgressDisplay(const Terminal& terminal, std::ostream& out,
                  int64_t start_ns);

  // To be called often: draws when it is time to.
  void Show(uint64_t done_bytes, uint64_t total_bytes, int64_t now_ns);

  // Makes the line on the terminal empty, for what is printed next.
  void Clear();

 private:
  const Terminal terminal_;
  std::ostream& out_;
  RateWindow rate_;
  int64_t next_sample_ns_;
  int64_t next_draw_ns_;
  size_t drawn_columns_ = 0;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PROGRESS_DISPLAY_H_
