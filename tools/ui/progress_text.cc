#include "hoist/tools/ui/progress_text.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/tools/ui/human_size.h"

namespace hoist {
namespace {

// Of the total; 100 % only when all is done.
int PartOf(int whole, const Progress& progress) {
  if (progress.done_bytes >= progress.total_bytes) {
    return whole;
  }
  const double part = static_cast<double>(progress.done_bytes) /
                      static_cast<double>(progress.total_bytes);
  return std::min(whole - 1, static_cast<int>(part * whole));
}

// "0.92 of 2.00 GiB": both as HumanBytes() shows the total.
std::string DoneOfTotal(const Progress& progress) {
  const std::string total = HumanBytes(progress.total_bytes);
  const absl::string_view text = total;
  const absl::string_view number = text.substr(0, text.find(' '));
  const size_t point = number.find('.');
  const int decimals = point == absl::string_view::npos
                           ? 0
                           : static_cast<int>(number.size() - point - 1);
  double done =
      static_cast<double>(std::min(progress.done_bytes, progress.total_bytes));
  for (const absl::string_view unit :
       {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    if (text.substr(number.size() + 1) == unit) {
      break;
    }
    done /= 1024;
  }
  return absl::StrFormat("%.*f of %s", decimals, done, total);
}

std::string Rate(const Progress& progress) {
  return HumanRate(static_cast<uint64_t>(progress.bytes_per_second),
                   1'000'000'000);
}

// "0.3 s", "3 min 5 s"; "" if nobody knows.
std::string TimeLeft(const Progress& progress) {
  if (progress.bytes_per_second <= 0) {
    return "";
  }
  const uint64_t left = progress.total_bytes -
                        std::min(progress.done_bytes, progress.total_bytes);
  const double seconds = static_cast<double>(left) / progress.bytes_per_second;
  if (seconds < 99.95) {
    return absl::StrFormat("%.*f s", seconds < 9.95 ? 1 : 0, seconds);
  }
  constexpr double kNever = 1e8;
  return seconds < kNever ? HumanTime(static_cast<int64_t>(seconds * 1e9)) : "";
}

std::string Bar(const Progress& progress, int inside) {
  const int done = PartOf(inside, progress);
  std::string bar(static_cast<size_t>(inside), ' ');
  std::fill_n(bar.begin(), done, '=');
  if (done < inside) {
    bar[static_cast<size_t>(done)] = '>';
  }
  return absl::StrCat("[", bar, "]");
}

}  // namespace

std::string ProgressLine(const Progress& progress, int width) {
  constexpr int kShortestBar = 5;
  constexpr int kLongestBar = 30;
  std::string text = absl::StrCat(PartOf(100, progress), " %");
  const int room = width - 1;
  const std::string rate = Rate(progress);
  const std::string left = TimeLeft(progress);
  std::vector<std::string> parts = {DoneOfTotal(progress)};
  if (!rate.empty()) {
    parts.push_back(rate);
  }
  if (!left.empty()) {
    parts.push_back(absl::StrCat("ETA ", left));
  }
  for (const std::string& part : parts) {
    if (static_cast<int>(text.size() + 2 + part.size()) > room) {
      break;
    }
    absl::StrAppend(&text, "  ", part);
  }
  const int inside = std::min(
      kLongestBar, room - static_cast<int>(text.size() + sizeof("[] ") - 1));
  if (inside >= kShortestBar) {
    return absl::StrCat(Bar(progress, inside), " ", text);
  }
  return text.substr(0, static_cast<size_t>(std::max(room, 0)));
}

std::string PlainProgressLine(const Progress& progress) {
  std::string text = absl::StrCat("loaded ", DoneOfTotal(progress));
  const std::string rate = Rate(progress);
  if (!rate.empty()) {
    absl::StrAppend(&text, ", ", rate);
  }
  const std::string left = TimeLeft(progress);
  if (!left.empty()) {
    absl::StrAppend(&text, ", ", left, " left");
  }
  return text;
}

}  // namespace hoist
