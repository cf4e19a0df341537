#include "hoist/checkpoint/formats/dcp/tensor_box.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// Numbers of all corners together.
constexpr size_t kMaxCornerNumbers = size_t{1} << 25;

// The corners of boxes, each with a sign, so that the sum of the signs of all
// corners that are at or before a place in every dimension is the number of
// boxes that have the place. Corners of equal sums are those of equal boxes, so
// a sum that differs somewhere differs first where the boxes do.
class SignedCorners {
 public:
  explicit SignedCorners(std::vector<size_t> dimensions)
      : dimensions_(std::move(dimensions)) {}

  void Add(absl::Span<const int64_t> offsets, absl::Span<const int64_t> sizes,
           int sign) {
    for (size_t corner = 0; corner < size_t{1} << dimensions_.size();
         ++corner) {
      int corner_sign = sign;
      for (size_t i = 0; i < dimensions_.size(); ++i) {
        const bool is_end = (corner >> i & 1) != 0;
        const size_t dimension = dimensions_[i];
        numbers_.push_back(offsets[dimension] +
                           (is_end ? sizes[dimension] : 0));
        corner_sign = is_end ? -corner_sign : corner_sign;
      }
      signs_.push_back(corner_sign);
    }
  }

  // The first corner, in the order of its numbers, whose signs do not sum up to
  // 0, and that sum; 0 if there is none.
  int64_t FindFirst(std::vector<int64_t>& place) const {
    std::vector<size_t> order(signs_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(),
              [this](size_t a, size_t b) { return Compare(a, b) < 0; });
    for (size_t begin = 0; begin < order.size();) {
      int64_t sum = 0;
      size_t end = begin;
      for (; end < order.size() && Compare(order[begin], order[end]) == 0;
           ++end) {
        sum += signs_[order[end]];
      }
      if (sum != 0) {
        for (size_t i = 0; i < dimensions_.size(); ++i) {
          place[dimensions_[i]] = Corner(order[begin])[i];
        }
        return sum;
      }
      begin = end;
    }
    return 0;
  }

 private:
  const int64_t* Corner(size_t index) const {
    return numbers_.data() + index * dimensions_.size();
  }
  int Compare(size_t a, size_t b) const {
    const int64_t* const left = Corner(a);
    const int64_t* const right = Corner(b);
    for (size_t i = 0; i < dimensions_.size(); ++i) {
      if (left[i] != right[i]) {
        return left[i] < right[i] ? -1 : 1;
      }
    }
    return 0;
  }

  const std::vector<size_t> dimensions_;
  std::vector<int64_t> numbers_;  // of each corner one for each dimension
  std::vector<int> signs_;
};

bool Has(const TensorBox& box, absl::Span<const int64_t> place) {
  for (size_t i = 0; i < place.size(); ++i) {
    if (place[i] < box.offsets[i] ||
        place[i] - box.offsets[i] >= box.sizes[i]) {
      return false;
    }
  }
  return true;
}

absl::Status OverlapError(absl::Span<const TensorBox> boxes,
                          absl::Span<const int64_t> place) {
  std::vector<const TensorBox*> with_place;
  for (const TensorBox& box : boxes) {
    if (Has(box, place) && with_place.size() < 2) {
      with_place.push_back(&box);
    }
  }
  std::string text = absl::StrCat("element ", ShapeString(place), " is in ");
  if (with_place.size() < 2) {
    absl::StrAppend(&text, "two pieces");
  } else {
    absl::StrAppend(&text, "piece ", BoxText(*with_place[0]), " and in ",
                    BoxText(*with_place[1]));
  }
  return absl::DataLossError(text);
}

}  // namespace

std::string BoxText(const TensorBox& box) {
  std::string text = "[";
  for (size_t i = 0; i < box.offsets.size() && i < box.sizes.size(); ++i) {
    const auto end = CheckedAdd(box.offsets[i], box.sizes[i]);
    absl::StrAppend(&text, i == 0 ? "" : ", ", box.offsets[i], ":",
                    end ? absl::StrCat(*end) : "too far");
  }
  return absl::StrCat(text, "]");
}

bool IsEmpty(const TensorBox& box) {
  return std::find(box.sizes.begin(), box.sizes.end(), 0) != box.sizes.end();
}

absl::Status CheckBoxInside(const TensorBox& box,
                            absl::Span<const int64_t> shape) {
  bool is_inside =
      box.offsets.size() == shape.size() && box.sizes.size() == shape.size();
  for (size_t i = 0; is_inside && i < shape.size(); ++i) {
    is_inside = box.offsets[i] >= 0 && box.sizes[i] >= 0 &&
                box.offsets[i] <= shape[i] &&
                box.sizes[i] <= shape[i] - box.offsets[i];
  }
  if (!is_inside) {
    return absl::DataLossError(absl::StrCat(
        "piece ", BoxText(box), " (from ", ShapeString(box.offsets),
        " on, of shape ", ShapeString(box.sizes), ") is not inside its shape ",
        ShapeString(shape)));
  }
  return absl::OkStatus();
}

absl::Status CheckBoxesCover(absl::Span<const TensorBox> boxes,
                             absl::Span<const int64_t> shape) {
  size_t count = 0;
  std::vector<bool> is_split(shape.size(), false);
  for (const TensorBox& box : boxes) {
    HOIST_RETURN_IF_ERROR(CheckBoxInside(box, shape));
    count += IsEmpty(box) ? 0 : 1;
    for (size_t i = 0; i < shape.size() && !IsEmpty(box); ++i) {
      is_split[i] = is_split[i] || box.sizes[i] != shape[i];
    }
  }
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    return absl::OkStatus();
  }
  // In others all boxes have the same corners.
  std::vector<size_t> dimensions;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (is_split[i]) {
      dimensions.push_back(i);
    }
  }
  constexpr size_t kMaxSplit = 20;
  if (dimensions.size() > kMaxSplit ||
      (count + 1) >
          (kMaxCornerNumbers >> dimensions.size()) / (dimensions.size() + 1)) {
    return absl::ResourceExhaustedError(
        absl::StrCat(count, " pieces, cut along ", dimensions.size(),
                     " dimensions, are more than is looked at"));
  }
  SignedCorners corners(std::move(dimensions));
  for (const TensorBox& box : boxes) {
    if (!IsEmpty(box)) {
      corners.Add(box.offsets, box.sizes, 1);
    }
  }
  corners.Add(std::vector<int64_t>(shape.size(), 0), shape, -1);
  std::vector<int64_t> place(shape.size(), 0);
  const int64_t sum = corners.FindFirst(place);
  if (sum > 0) {
    return OverlapError(boxes, place);
  }
  if (sum < 0) {
    return absl::DataLossError(absl::StrCat(
        "element ", ShapeString(place), " of shape ", ShapeString(shape),
        " is in no piece: ",
        count == 0 ? "there is none"
                   : absl::StrCat(count, count == 1 ? " is" : " are",
                                  " there, and not all that was saved")));
  }
  return absl::OkStatus();
}

}  // namespace hoist
