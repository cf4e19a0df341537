#include "hoist/checkpoint/torch/target_sink.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/torch/cast_and_count.h"
#include "hoist/checkpoint/torch/resolved_part.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/checkpoint/torch/without_exceptions.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

// Of the widest elements, with what it takes to count losses, half of
// TargetSink::kConvertBytes.
constexpr int64_t kPartElements = 8192;

uint64_t ElementBytes(const TensorSpec& spec) {
  return static_cast<uint64_t>(DTypeBits(spec.dtype)) / 8;
}

}  // namespace

int TargetSink::Add(const TensorEntry& entry, const at::Tensor& target) {
  Item& item = items_.emplace_back();
  item.entry = &entry;
  item.target = target;
  item.alias = target.detach();
  item.spec = entry.spec;
  if (target.dim() == 0) {
    // Also of a tensor that has one element and one dimension.
    item.spec.shape.clear();
    item.spec.strides.clear();
  }
  const bool is_cast = DTypeOf(target.scalar_type()) != entry.spec.dtype;
  item.is_converted = is_cast || entry.is_conjugate || entry.is_negative;
  // Another device gets what is contiguous: LibTorch would make it so at once.
  item.is_in_parts =
      item.is_converted || (!target.is_cpu() && !IsContiguous(item.spec));
  converts_ = converts_ || item.is_in_parts;
  if (target.numel() > 0) {
    item.begin_bytes =
        static_cast<uint64_t>(entry.storage_offset) * ElementBytes(item.spec);
    item.end_bytes = item.begin_bytes + static_cast<uint64_t>(target.numel()) *
                                            ElementBytes(item.spec);
    if (!item.is_converted && target.is_cpu() && target.is_contiguous() &&
        !target.is_conj() && !target.is_neg() && IsContiguous(item.spec)) {
      item.place = static_cast<uint8_t*>(target.mutable_data_ptr());
    }
  }
  const auto index = static_cast<int>(items_.size()) - 1;
  by_storage_[*entry.storage].push_back(index);
  return index;
}

uint8_t* TargetSink::PlaceFor(int storage, uint64_t offset_bytes,
                              uint64_t size_bytes) {
  const std::vector<int>& over = by_storage_[storage];
  if (over.size() != 1) {
    return nullptr;
  }
  Item& item = items_[over.front()];
  if (item.place == nullptr || offset_bytes < item.begin_bytes ||
      offset_bytes + size_bytes > item.end_bytes) {
    return nullptr;
  }
  has_touched_ = true;
  item.was_placed = true;
  return item.place + (offset_bytes - item.begin_bytes);
}

absl::Status TargetSink::Take(int storage, uint64_t offset_bytes,
                              absl::Span<const uint8_t> bytes) {
  for (const int index : by_storage_[storage]) {
    Item& item = items_[index];
    if (item.place != nullptr && offset_bytes >= item.begin_bytes &&
        bytes.data() == item.place + (offset_bytes - item.begin_bytes)) {
      item.element_count +=
          static_cast<int64_t>(bytes.size() / ElementBytes(item.spec));
      continue;
    }
    const absl::Status status = WithoutExceptions([&] {
      // Of this thread, which may be any: no autograd, and targets that were
      // made in such a mode can be written to.
      const c10::InferenceMode inference;
      return ForEachBoxInRange(
          item.spec, item.begin_bytes, offset_bytes,
          offset_bytes + bytes.size(), [&](const RangeBox& box) {
            has_touched_ = true;
            return CopyBox(item, box,
                           bytes.data() + (box.offset_bytes - offset_bytes));
          });
    });
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("Tensor ", item.entry->name));
    }
  }
  return absl::OkStatus();
}

absl::Status TargetSink::CopyBox(Item& item, const RangeBox& box,
                                 const uint8_t* first) {
  const at::Tensor source =
      at::from_blob(const_cast<uint8_t*>(first), box.shape, item.spec.strides,
                    at::TensorOptions(*ScalarTypeOf(item.spec.dtype)));
  at::Tensor to = item.alias;
  for (size_t i = 0; i < box.shape.size(); ++i) {
    if (box.shape[i] != item.spec.shape[i]) {
      to = to.narrow(static_cast<int64_t>(i), box.begin[i], box.shape[i]);
    }
  }
  if (item.is_in_parts) {
    HOIST_RETURN_IF_ERROR(CopyInParts(item, source, to));
  } else {
    to.copy_(source);
  }
  item.element_count += source.numel();
  return absl::OkStatus();
}

absl::Status TargetSink::CopyInParts(Item& item, const at::Tensor& source,
                                     const at::Tensor& to) {
  if (source.numel() <= kPartElements) {
    return CopyPart(item, source, to);
  }
  const auto sizes = source.sizes();
  const int64_t dimension =
      std::max_element(sizes.begin(), sizes.end()) - sizes.begin();
  // Parts as large as can be, so that few are small.
  const int64_t others = source.numel() / sizes[dimension];
  const int64_t step = others >= kPartElements ? 1 : kPartElements / others;
  for (int64_t at = 0; at < sizes[dimension]; at += step) {
    const int64_t size = std::min(step, sizes[dimension] - at);
    HOIST_RETURN_IF_ERROR(CopyInParts(item, source.narrow(dimension, at, size),
                                      to.narrow(dimension, at, size)));
  }
  return absl::OkStatus();
}

absl::Status TargetSink::CopyPart(Item& item, const at::Tensor& source,
                                  const at::Tensor& to) {
  HOIST_ASSIGN_OR_RETURN(const at::Tensor part,
                         ResolvedPart(*item.entry, source));
  if (part.scalar_type() == to.scalar_type()) {
    to.copy_(part);
    return absl::OkStatus();
  }
  const CountedCast cast = CastAndCount(part, to.scalar_type());
  to.copy_(cast.tensor);
  item.infinite_count += cast.infinite_count;
  item.nan_count += cast.nan_count;
  return absl::OkStatus();
}

void TargetSink::BumpVersions() {
  for (const Item& item : items_) {
    // Copies have told it themselves.
    if (item.was_placed) {
      item.target.unsafeGetTensorImpl()->bump_version();
    }
  }
}

absl::Status TargetSink::CheckWhole() const {
  for (const Item& item : items_) {
    if (item.element_count != item.target.numel()) {
      return absl::InternalError(absl::StrCat(
          "Tensor ", item.entry->name, ": ", item.element_count.load(),
          " elements were filled of ", item.target.numel()));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist::libtorch
