#ifndef HOIST_TOOLS_UI_NUMBER_FORMAT_H_
#define HOIST_TOOLS_UI_NUMBER_FORMAT_H_

#include <cstddef>
#include <string>

#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// The one format in which PyTorch prints all floating-point numbers of a
// tensor: as whole numbers ("3."), with four places ("3.1416") or, where they
// are very large, very small or far apart, with an exponent ("3.1416e+00"), as
// wide as the widest of them. Immutable, thread-safe.
class NumberFormat {
 public:
  // For `values`, which are elements of `dtype`, or parts of complex ones.
  NumberFormat(absl::Span<const double> values, DType dtype);

  // Columns that a number takes; infinities and NaNs may take more.
  size_t width() const { return width_; }
  // `value`, with blanks before it up to width().
  std::string Text(double value) const;

 private:
  std::string Digits(double value) const;

  bool is_whole_ = true;
  bool has_exponent_ = false;
  size_t width_ = 1;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_NUMBER_FORMAT_H_
