#include "hoist/tools/ui/human_size.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hoist {
namespace {

// Below 1000, and rounded as it will be shown.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, value);
}

}  // namespace

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) {
    return absl::StrCat(bytes, " B");
  }
  double value = static_cast<double>(bytes);
  absl::string_view unit;
  for (const absl::string_view larger :
       {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    value /= 1024;
    unit = larger;
    if (value < 999.5) {
      break;
    }
  }
  return absl::StrCat(ThreeDigits(value), " ", unit);
}

std::string GroupedDigits(int64_t number) {
  const std::string digits = absl::StrCat(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool starts_group = (digits.size() - i) % 3 == 0;
    if (starts_group && i > 0 && digits[i - 1] != '-') {
      text += ',';
    }
    text += digits[i];
  }
  return text;
}

std::string CountText(int64_t count, absl::string_view noun) {
  return absl::StrCat(GroupedDigits(count), " ", noun, count == 1 ? "" : "s");
}

std::string CountSuffix(int64_t count) {
  if (count < 10'000) {
    return "";
  }
  double value = static_cast<double>(count);
  absl::string_view unit;
  for (const absl::string_view larger : {"K", "M", "B", "T"}) {
    value /= 1000;
    unit = larger;
    if (value < 999.5) {
      break;
    }
  }
  return absl::StrCat(" (", ThreeDigits(value), " ", unit, ")");
}

std::string HumanTime(int64_t time_ns) {
  const double ns = static_cast<double>(time_ns);
  if (time_ns < 1000) {
    return absl::StrCat(time_ns, " ns");
  }
  if (ns < 999.5e3) {
    return absl::StrCat(ThreeDigits(ns / 1e3), " us");
  }
  if (ns < 999.5e6) {
    return absl::StrCat(ThreeDigits(ns / 1e6), " ms");
  }
  if (ns < 99.95e9) {
    return absl::StrCat(ThreeDigits(ns / 1e9), " s");
  }
  const int64_t seconds = (time_ns + 500'000'000) / 1'000'000'000;
  return absl::StrCat(seconds / 60, " min ", seconds % 60, " s");
}

std::string HumanRate(uint64_t bytes, int64_t time_ns) {
  if (bytes == 0 || time_ns <= 0) {
    return "";
  }
  const double per_second =
      static_cast<double>(bytes) / static_cast<double>(time_ns) * 1e9;
  if (per_second < 999.5e3) {
    return absl::StrCat(ThreeDigits(per_second / 1e3), " KB/s");
  }
  if (per_second < 99.95e6) {
    return absl::StrCat(ThreeDigits(per_second / 1e6), " MB/s");
  }
  return absl::StrCat(ThreeDigits(per_second / 1e9), " GB/s");
}

}  // namespace hoist
