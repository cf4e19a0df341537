#include "hoist/tools/ui/number_format.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include "absl/strings/str_format.h"

namespace hoist {
namespace {

// Whether PyTorch chooses the format by this number: by finite ones that are
// not zero. In float8_e8m0fnu, which has no zero, it takes the least number for
// one, and NaN for finite.
bool Counts(double value, DType dtype) {
  if (dtype == DType::kFloat8E8m0fnu) {
    return value != std::ldexp(1.0, -127);
  }
  return std::isfinite(value) && value != 0;
}

}  // namespace

NumberFormat::NumberFormat(absl::Span<const double> values, DType dtype) {
  std::vector<double> counted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(counted),
               [dtype](double value) { return Counts(value, dtype); });
  if (counted.empty()) {
    return;
  }
  double min = std::numeric_limits<double>::infinity();
  double max = 0;
  bool has_nan = false;
  for (const double value : counted) {
    min = std::min(min, std::abs(value));
    max = std::max(max, std::abs(value));
    has_nan = has_nan || std::isnan(value);
    is_whole_ = is_whole_ && value == std::ceil(value);
  }
  // Nothing is greater or less than NaN.
  has_exponent_ =
      !has_nan && (max / min > 1000.0 || max > 1.0e8 || min < 1.0e-4);
  for (const double value : counted) {
    width_ = std::max(width_, Digits(value).size());
  }
}

std::string NumberFormat::Digits(double value) const {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-inf" : "inf";
  }
  if (has_exponent_) {
    return absl::StrFormat("%.4e", value);
  }
  return is_whole_ ? absl::StrFormat("%.0f.", value)
                   : absl::StrFormat("%.4f", value);
}

std::string NumberFormat::Text(double value) const {
  return absl::StrFormat("%*s", static_cast<int>(width_), Digits(value));
}

}  // namespace hoist
