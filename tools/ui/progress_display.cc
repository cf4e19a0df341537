#include "hoist/tools/ui/progress_display.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/progress_text.h"

namespace hoist {
namespace {

constexpr int64_t kMillisecondNs = 1'000'000;
constexpr int64_t kSilenceNs = 500 * kMillisecondNs;
constexpr int64_t kRedrawNs = 100 * kMillisecondNs;
constexpr int64_t kPlainLineNs = 5000 * kMillisecondNs;
constexpr int64_t kSampleNs = 100 * kMillisecondNs;

}  // namespace

ProgressDisplay::ProgressDisplay(const Terminal& terminal, std::ostream& out,
                                 int64_t start_ns)
    : terminal_(terminal),
      out_(out),
      next_sample_ns_(start_ns + kSampleNs),
      next_draw_ns_(start_ns +
                    (terminal.is_terminal ? kSilenceNs : kPlainLineNs)) {
  rate_.Add(start_ns, 0);
}

void ProgressDisplay::Show(uint64_t done_bytes, uint64_t total_bytes,
                           int64_t now_ns) {
  if (now_ns >= next_sample_ns_) {
    rate_.Add(now_ns, done_bytes);
    next_sample_ns_ = now_ns + kSampleNs;
  }
  if (now_ns < next_draw_ns_) {
    return;
  }
  const Progress progress = {done_bytes, total_bytes, rate_.BytesPerSecond()};
  if (!terminal_.is_terminal) {
    out_ << absl::StrCat(PlainProgressLine(progress), "\n") << std::flush;
    next_draw_ns_ = now_ns + kPlainLineNs;
    return;
  }
  std::string line = ProgressLine(progress, terminal_.width);
  const size_t columns = line.size();
  line.resize(std::max(columns, drawn_columns_), ' ');
  out_ << absl::StrCat("\r", line) << std::flush;
  drawn_columns_ = columns;
  next_draw_ns_ = now_ns + kRedrawNs;
}

void ProgressDisplay::Clear() {
  if (drawn_columns_ > 0) {
    out_ << absl::StrCat("\r", std::string(drawn_columns_, ' '), "\r")
         << std::flush;
    drawn_columns_ = 0;
  }
}

}  // namespace hoist
