#include "hoist/checkpoint/verify/tensor_scans.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "hoist/core/base/check.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/tensor/ops/scan.h"

namespace hoist {
namespace {

// The dtype of the numbers that make up an element.
DType NumberDType(DType dtype) {
  switch (dtype) {
    case DType::kComplex32:
      return DType::kFloat16;
    case DType::kComplex64:
      return DType::kFloat32;
    case DType::kComplex128:
      return DType::kFloat64;
    case DType::kQint32:
      return DType::kInt32;
    case DType::kBits16:
      return DType::kUint16;
    default:
      return CheckScan(dtype, {}).ok() ? dtype : DType::kUint8;
  }
}

// Dimensions of more than one element, those with the largest strides first.
std::vector<size_t> DimensionsByStride(const TensorSpec& spec) {
  std::vector<size_t> dimensions;
  for (size_t i = 0; i < spec.shape.size(); ++i) {
    if (spec.shape[i] > 1) {
      dimensions.push_back(i);
    }
  }
  std::stable_sort(dimensions.begin(), dimensions.end(),
                   [&spec](size_t a, size_t b) {
                     return spec.strides[a] > spec.strides[b];
                   });
  return dimensions;
}

// Whether its elements are a run of memory, in whatever order of dimensions.
bool IsDense(const TensorSpec& spec) {
  const std::vector<size_t> dimensions = DimensionsByStride(spec);
  int64_t stride = 1;
  for (auto it = dimensions.rbegin(); it != dimensions.rend(); ++it) {
    if (spec.strides[*it] != stride) {
      return false;
    }
    stride *= spec.shape[*it];
  }
  return true;
}

bool HasElements(const TensorSpec& spec) {
  return std::find(spec.shape.begin(), spec.shape.end(), 0) == spec.shape.end();
}

ScanTotals ScanNumbers(DType dtype, absl::Span<const uint8_t> bytes) {
  ScanTotals totals;
  HOIST_CHECK(ScanInto(dtype, bytes, {}, totals, {}).ok());
  return totals;
}

bool HasBad(const ScanTotals& totals) {
  return totals.nan_count + totals.infinity_count > 0;
}

// Where in `bytes`, which have one, the first bad number begins.
uint64_t FindBad(DType dtype, absl::Span<const uint8_t> bytes) {
  const uint64_t width = DTypeBits(dtype) / 8;
  uint64_t begin = 0;
  while (bytes.size() > width) {
    const uint64_t half = bytes.size() / width / 2 * width;
    if (HasBad(ScanNumbers(dtype, bytes.subspan(0, half)))) {
      bytes = bytes.subspan(0, half);
    } else {
      bytes = bytes.subspan(half);
      begin += half;
    }
  }
  return begin;
}

void Merge(const ScanTotals& from, ScanTotals& into) {
  into.nan_count += from.nan_count;
  into.infinity_count += from.infinity_count;
  into.min_key = std::min(into.min_key, from.min_key);
  into.max_key = std::max(into.max_key, from.max_key);
}

}  // namespace

TensorScans::TensorScans(const Catalog& catalog)
    : catalog_(catalog),
      group_of_(catalog.tensors.size(), -1),
      by_storage_(catalog.storages.size()) {
  std::map<std::tuple<int, DType, uint64_t, uint64_t>, int> known;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    if (!tensor.storage) {
      continue;
    }
    Group group = {.dtype = NumberDType(tensor.spec.dtype)};
    if (!HasElements(tensor.spec)) {
      // Nothing comes by for it.
    } else if (!IsDense(tensor.spec)) {
      scattered_.push_back(static_cast<int>(i));
      groups_.push_back(group);
      group_of_[i] = static_cast<int>(groups_.size()) - 1;
      continue;
    } else {
      // Checked by ValidateCatalog().
      group.end_bytes = static_cast<uint64_t>(
          *RequiredStorageBytes(tensor.spec, tensor.storage_offset));
      group.begin_bytes = static_cast<uint64_t>(tensor.storage_offset) *
                          static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) /
                          8;
    }
    const auto [it, is_new] = known.try_emplace(
        {*tensor.storage, group.dtype, group.begin_bytes, group.end_bytes},
        static_cast<int>(groups_.size()));
    if (is_new) {
      by_storage_[*tensor.storage].push_back(it->second);
      groups_.push_back(group);
    }
    group_of_[i] = it->second;
  }
}

void TensorScans::Add(int storage, uint64_t offset_bytes,
                      absl::Span<const uint8_t> bytes) {
  const int swap_bytes = catalog_.storages[storage].swap_bytes;
  std::vector<uint8_t> swapped;
  if (swap_bytes > 1) {
    swapped.assign(bytes.begin(), bytes.end());
    HOIST_CHECK(ByteSwap(absl::MakeSpan(swapped), swap_bytes).ok());
    bytes = swapped;
  }
  const uint64_t end_bytes = offset_bytes + bytes.size();
  for (const int index : by_storage_[storage]) {
    const Group& group = groups_[index];
    const uint64_t begin = std::max(group.begin_bytes, offset_bytes);
    const uint64_t end = std::min(group.end_bytes, end_bytes);
    if (begin < end) {
      AddTo(index, begin - group.begin_bytes,
            bytes.subspan(begin - offset_bytes, end - begin));
    }
  }
}

void TensorScans::AddWhole(int tensor, const Tensor& whole) {
  uint64_t offset = 0;
  ForEachContiguousRun(whole, [&](absl::Span<const uint8_t> run) {
    AddTo(group_of_[tensor], offset, run);
    offset += run.size();
  });
}

void TensorScans::AddTo(int index, uint64_t offset,
                        absl::Span<const uint8_t> bytes) {
  const DType dtype = groups_[index].dtype;
  const ScanTotals totals = ScanNumbers(dtype, bytes);
  const bool is_bad = HasBad(totals);
  const uint64_t bad = is_bad ? offset + FindBad(dtype, bytes) : 0;
  MutexLock lock(&mu_);
  Group& group = groups_[index];
  group.count += bytes.size() / (DTypeBits(dtype) / 8);
  Merge(totals, group.totals);
  if (is_bad) {
    group.first_bad = std::min(bad, group.first_bad.value_or(bad));
  }
}

TensorValues TensorScans::ValuesOf(int tensor, const Group& group) const {
  const TensorSpec& spec = catalog_.tensors[tensor].spec;
  TensorValues values = {.count = group.count,
                         .nan_count = group.totals.nan_count,
                         .infinity_count = group.totals.infinity_count};
  if (group.count > 0 && group.totals.nan_count == 0) {
    const double low = OrderedValue(group.totals.min_key);
    const double high = OrderedValue(group.totals.max_key);
    values.is_zero = low == 0 && high == 0;
    // Integers beyond are rounded when they are scanned.
    constexpr double kExact = uint64_t{1} << 53;
    values.is_constant =
        group.count > 1 && low == high && low > -kExact && low < kExact;
  }
  if (group.first_bad) {
    auto element =
        static_cast<int64_t>(*group.first_bad * 8 / DTypeBits(spec.dtype));
    values.first_bad.resize(spec.shape.size());
    if (IsDense(spec)) {
      for (const size_t i : DimensionsByStride(spec)) {
        values.first_bad[i] = element / spec.strides[i];
        element %= spec.strides[i];
      }
    } else {
      for (size_t i = spec.shape.size(); i-- > 0;) {
        values.first_bad[i] = element % spec.shape[i];
        element /= spec.shape[i];
      }
    }
  }
  return values;
}

std::vector<std::optional<TensorValues>> TensorScans::Finish() {
  std::vector<std::optional<TensorValues>> result(catalog_.tensors.size());
  MutexLock lock(&mu_);
  for (size_t i = 0; i < result.size(); ++i) {
    if (group_of_[i] < 0) {
      continue;
    }
    const Group& group = groups_[group_of_[i]];
    if (group.count > 0 || !HasElements(catalog_.tensors[i].spec)) {
      result[i] = ValuesOf(static_cast<int>(i), group);
    }
  }
  return result;
}

}  // namespace hoist
