#include "hoist/checkpoint/load/range_boxes.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

class BoxFinder {
 public:
  BoxFinder(const TensorSpec& spec, uint64_t begin_bytes, uint64_t end_bytes,
            absl::FunctionRef<absl::Status(const RangeBox& box)> visit)
      : spec_(spec),
        begin_bytes_(begin_bytes),
        end_bytes_(end_bytes),
        visit_(visit),
        by_stride_(spec.shape.size()) {
    // All numbers here are of places in the storage, so they fit; but a single
    // index has no use for its stride, which may be any.
    const auto element_bytes = static_cast<uint64_t>(DTypeBits(spec.dtype)) / 8;
    const auto stride_of = [&spec](size_t dimension) {
      return spec.shape[dimension] == 1 ? 0 : spec.strides[dimension];
    };
    std::iota(by_stride_.begin(), by_stride_.end(), size_t{0});
    std::stable_sort(by_stride_.begin(), by_stride_.end(),
                     [&stride_of](size_t a, size_t b) {
                       return stride_of(a) > stride_of(b);
                     });
    span_bytes_.assign(spec.shape.size() + 1, element_bytes);
    stride_bytes_.resize(spec.shape.size());
    for (size_t level = spec.shape.size(); level-- > 0;) {
      const size_t dimension = by_stride_[level];
      stride_bytes_[level] =
          static_cast<uint64_t>(stride_of(dimension)) * element_bytes;
      span_bytes_[level] = span_bytes_[level + 1] +
                           static_cast<uint64_t>(spec.shape[dimension] - 1) *
                               stride_bytes_[level];
    }
    box_.begin.assign(spec.shape.size(), 0);
    box_.shape = spec.shape;
  }

  // All elements from dimension by_stride_[level] on, of which the first lies
  // at `offset`. The indices of the dimensions before it are in the box.
  absl::Status Visit(size_t level, uint64_t offset);

 private:
  bool IsInside(size_t level, uint64_t offset) const {
    return offset >= begin_bytes_ && offset + span_bytes_[level] <= end_bytes_;
  }

  const TensorSpec& spec_;
  const uint64_t begin_bytes_;
  const uint64_t end_bytes_;
  const absl::FunctionRef<absl::Status(const RangeBox& box)> visit_;
  std::vector<size_t> by_stride_;       // dimensions, the largest stride first
  std::vector<uint64_t> stride_bytes_;  // by level, which is a place there
  // What the elements from a level on take, from the first to the last.
  std::vector<uint64_t> span_bytes_;
  RangeBox box_;
};

absl::Status BoxFinder::Visit(size_t level, uint64_t offset) {
  if (IsInside(level, offset)) {
    box_.offset_bytes = offset;
    return visit_(box_);
  }
  // Where a stride is 0, so are all that follow: one element is left.
  if (level == by_stride_.size() || stride_bytes_[level] == 0 ||
      offset >= end_bytes_ || offset + span_bytes_[level] <= begin_bytes_) {
    return absl::OkStatus();
  }
  const size_t dimension = by_stride_[level];
  const auto size = static_cast<uint64_t>(spec_.shape[dimension]);
  const uint64_t stride = stride_bytes_[level];
  const uint64_t inner = span_bytes_[level + 1];
  // Indices that have some byte in the range, and those that have all there.
  const auto at_least = [&](uint64_t place) {
    return place <= offset
               ? uint64_t{0}
               : std::min(size, (place - offset + stride - 1) / stride);
  };
  const uint64_t first =
      begin_bytes_ < inner ? 0 : at_least(begin_bytes_ - inner + 1);
  const uint64_t last = at_least(end_bytes_);
  uint64_t first_whole = at_least(begin_bytes_);
  uint64_t last_whole =
      end_bytes_ < inner ? 0 : at_least(end_bytes_ - inner + 1);
  if (first_whole >= last_whole) {
    first_whole = last_whole = last;
  }
  const auto visit_one_by_one = [&](uint64_t from,
                                    uint64_t to) -> absl::Status {
    for (uint64_t i = from; i < to; ++i) {
      box_.begin[dimension] = static_cast<int64_t>(i);
      box_.shape[dimension] = 1;
      HOIST_RETURN_IF_ERROR(Visit(level + 1, offset + i * stride));
    }
    return absl::OkStatus();
  };
  HOIST_RETURN_IF_ERROR(visit_one_by_one(first, first_whole));
  if (first_whole < last_whole) {
    box_.begin[dimension] = static_cast<int64_t>(first_whole);
    box_.shape[dimension] = static_cast<int64_t>(last_whole - first_whole);
    box_.offset_bytes = offset + first_whole * stride;
    HOIST_RETURN_IF_ERROR(visit_(box_));
  }
  HOIST_RETURN_IF_ERROR(visit_one_by_one(last_whole, last));
  box_.begin[dimension] = 0;
  box_.shape[dimension] = spec_.shape[dimension];
  return absl::OkStatus();
}

}  // namespace

absl::Status ForEachBoxInRange(
    const TensorSpec& spec, uint64_t offset_bytes, uint64_t begin_bytes,
    uint64_t end_bytes,
    absl::FunctionRef<absl::Status(const RangeBox& box)> visit) {
  HOIST_CHECK(DTypeBits(spec.dtype) % 8 == 0);
  if (std::find(spec.shape.begin(), spec.shape.end(), 0) != spec.shape.end()) {
    return absl::OkStatus();
  }
  return BoxFinder(spec, begin_bytes, end_bytes, visit).Visit(0, offset_bytes);
}

}  // namespace hoist
