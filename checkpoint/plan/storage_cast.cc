#include "hoist/checkpoint/plan/storage_cast.h"

namespace hoist {
namespace {

uint64_t ElementBytes(DType dtype) {
  return static_cast<uint64_t>(DTypeBits(dtype)) / 8;
}

// Of the tensors over each storage, the dtype; none if they have several.
std::vector<std::optional<DType>> StorageDTypes(const Catalog& catalog) {
  std::vector<std::optional<DType>> dtypes(catalog.storages.size());
  std::vector<bool> is_seen(catalog.storages.size(), false);
  for (const TensorEntry& tensor : catalog.tensors) {
    if (!tensor.storage) {
      continue;
    }
    std::optional<DType>& dtype = dtypes[*tensor.storage];
    if (!is_seen[*tensor.storage]) {
      is_seen[*tensor.storage] = true;
      dtype = tensor.spec.dtype;
    } else if (dtype != tensor.spec.dtype) {
      dtype.reset();
    }
  }
  return dtypes;
}

}  // namespace

bool IsCastable(DType dtype) {
  return IsFloatingPoint(dtype) && DTypeBits(dtype) >= 16;
}

uint64_t BytesAfterCast(const std::optional<StorageCast>& cast,
                        uint64_t bytes) {
  return cast ? bytes / ElementBytes(cast->from) * ElementBytes(cast->to)
              : bytes;
}

uint64_t BytesBeforeCast(const std::optional<StorageCast>& cast,
                         uint64_t bytes) {
  return cast ? bytes / ElementBytes(cast->to) * ElementBytes(cast->from)
              : bytes;
}

StorageCasts ChooseCasts(const Catalog& catalog, DType to) {
  StorageCasts casts;
  casts.by_storage.resize(catalog.storages.size());
  const std::vector<std::optional<DType>> dtypes = StorageDTypes(catalog);
  for (size_t i = 0; i < dtypes.size(); ++i) {
    const std::optional<DType> from = dtypes[i];
    if (from && from != to && IsCastable(*from) &&
        catalog.storages[i].size_bytes % ElementBytes(*from) == 0) {
      casts.by_storage[i] = StorageCast{.from = *from, .to = to};
    }
  }
  for (const TensorEntry& tensor : catalog.tensors) {
    const DType from = tensor.spec.dtype;
    const bool is_wanted = (IsCastable(from) && from != to) || IsComplex(from);
    if (tensor.storage && is_wanted && !casts.by_storage[*tensor.storage] &&
        casts.left_count++ == 0) {
      casts.first_left = tensor.name;
    }
  }
  return casts;
}

}  // namespace hoist
