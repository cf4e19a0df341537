#include "hoist/checkpoint/torch/compare_tied.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/checkpoint/migrate/strided_elements.h"
#include "hoist/checkpoint/torch/cast_and_count.h"
#include "hoist/checkpoint/torch/resolved_part.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist::libtorch {
namespace {

// Of a step: what is read of each tensor, the blocks that are kept and made for
// it, and what casts take.
constexpr uint64_t kStepsAtOnce = 32;
constexpr uint64_t kLeastStepBytes = uint64_t{16} << 10;
constexpr uint64_t kMostStepBytes = uint64_t{1} << 20;
// A step has so many elements that they stay in it when they are cast.
constexpr uint64_t kMostElementBytes = 16;

// The elements of a tensor, step by step.
class ElementSteps {
 public:
  static absl::StatusOr<std::unique_ptr<ElementSteps>> Create(
      const Catalog& catalog, CatalogFiles files, const TensorEntry& entry,
      uint64_t step_bytes) {
    StorageEntry storage = catalog.storages[*entry.storage];
    // To compare it would be to read the whole storage once more.
    storage.crc32.reset();
    auto steps = std::make_unique<ElementSteps>(entry);
    HOIST_ASSIGN_OR_RETURN(
        steps->elements_,
        StridedElements::Create(
            std::make_shared<StorageBytes>(files[storage.file], storage),
            entry.spec, entry.storage_offset,
            std::make_shared<BlockCache>(step_bytes),
            static_cast<int64_t>(step_bytes)));
    return steps;
  }

  explicit ElementSteps(const TensorEntry& entry) : entry_(entry) {}

  // `count` elements from `first` on, until the next call.
  absl::StatusOr<at::Tensor> Read(int64_t first, int64_t count) {
    bytes_.resize(static_cast<size_t>(count * DTypeBits(entry_.spec.dtype)) /
                  8);
    HOIST_RETURN_IF_ERROR(elements_->Read(first, absl::MakeSpan(bytes_)));
    return ResolvedPart(
        entry_,
        at::from_blob(bytes_.data(), {count},
                      at::TensorOptions(*ScalarTypeOf(entry_.spec.dtype))));
  }

 private:
  const TensorEntry& entry_;
  std::unique_ptr<StridedElements> elements_;
  std::vector<uint8_t> bytes_;
};

// One step of `part` in `dtype`, and what that loses.
CountedCast CastTo(const at::Tensor& part, at::ScalarType dtype) {
  return part.scalar_type() == dtype ? CountedCast{.tensor = part}
                                     : CastAndCount(part, dtype);
}

absl::StatusOr<TiedComparison> Compare(ElementSteps& a, ElementSteps& b,
                                       int64_t element_count,
                                       int64_t step_elements,
                                       at::ScalarType dtype,
                                       const CancelToken* cancel) {
  TiedComparison comparison;
  for (int64_t at = 0; at < element_count; at += step_elements) {
    if (cancel != nullptr && cancel->is_cancelled()) {
      return absl::CancelledError("The load was cancelled");
    }
    const int64_t count = std::min(step_elements, element_count - at);
    HOIST_ASSIGN_OR_RETURN(const at::Tensor part_a, a.Read(at, count));
    HOIST_ASSIGN_OR_RETURN(const at::Tensor part_b, b.Read(at, count));
    const CountedCast cast_a = CastTo(part_a, dtype);
    const CountedCast cast_b = CastTo(part_b, dtype);
    if (std::memcmp(cast_a.tensor.const_data_ptr(),
                    cast_b.tensor.const_data_ptr(),
                    cast_a.tensor.nbytes()) != 0) {
      comparison.is_same = false;
      return comparison;
    }
    comparison.infinite_count += cast_b.infinite_count;
    comparison.nan_count += cast_b.nan_count;
  }
  return comparison;
}

}  // namespace

absl::StatusOr<TiedComparison> CompareTied(
    const Catalog& catalog, CatalogFiles files, const TensorEntry& a,
    const TensorEntry& b, at::ScalarType dtype, uint64_t max_bytes,
    const CancelToken* cancel) {
  HOIST_ASSIGN_OR_RETURN(const int64_t element_count,
                         ElementCount(a.spec.shape));
  if (element_count == 0) {
    return TiedComparison();
  }
  const uint64_t step_bytes =
      std::clamp(max_bytes / kStepsAtOnce, kLeastStepBytes, kMostStepBytes);
  auto compare = [&]() -> absl::StatusOr<TiedComparison> {
    HOIST_ASSIGN_OR_RETURN(const auto steps_a,
                           ElementSteps::Create(catalog, files, a, step_bytes));
    HOIST_ASSIGN_OR_RETURN(const auto steps_b,
                           ElementSteps::Create(catalog, files, b, step_bytes));
    return Compare(*steps_a, *steps_b, element_count,
                   static_cast<int64_t>(step_bytes / kMostElementBytes), dtype,
                   cancel);
  };
  auto comparison = compare();
  if (!comparison.ok()) {
    return Annotate(comparison.status(),
                    absl::StrCat("Tensors ", a.name, " and ", b.name));
  }
  return comparison;
}

}  // namespace hoist::libtorch
