#include "hoist/checkpoint/formats/torch_zip/pickled_storages.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/numpy_parts.h"
#include "hoist/checkpoint/pickle/reached_values.h"

namespace hoist {
namespace {

uint64_t ElementBytes(DType dtype) {
  return static_cast<uint64_t>(DTypeBits(dtype)) / 8;
}

// The first PyTorch that has the dtype, and saves it so; empty for those that
// 1.6 has.
absl::string_view FirstVersion(DType dtype) {
  switch (dtype) {
    case DType::kQuint4x2:
      return "1.8";
    case DType::kQuint2x4:
      return "1.11";
    case DType::kComplex32:
    case DType::kBits8:
    case DType::kBits16:
    case DType::kBits1x8:
    case DType::kBits2x4:
    case DType::kBits4x2:
    case DType::kFloat8E4m3fn:
    case DType::kFloat8E5m2:
      return "2.1";
    case DType::kFloat8E4m3fnuz:
    case DType::kFloat8E5m2fnuz:
      return "2.2";
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
      return "2.3";
    case DType::kFloat8E8m0fnu:
      return "2.7";
    case DType::kFloat4E2m1fnX2:
      return "2.8";
    default:
      return HasStorageClass(dtype) ? "" : "2.6";
  }
}

// What is known of one storage by the tensors over it.
struct StorageUse {
  std::vector<DType> dtypes;  // each once
  std::string location;
  bool is_value = false;  // a value of its own: all of it is needed

  void Add(const TensorEntry& tensor) {
    if (std::ranges::find(dtypes, tensor.spec.dtype) == dtypes.end()) {
      dtypes.push_back(tensor.spec.dtype);
    }
    if (location.empty()) {
      location = tensor.location;
    }
  }

  // torch.save has one class for each: that of its tensors where they agree.
  // That of a quantized one, which needs it, tells others' dtypes as well.
  std::optional<DType> ClassDType() const {
    const auto quantized = std::ranges::find_if(dtypes, IsQuantizedDType);
    if (quantized != dtypes.end()) {
      return *quantized;
    }
    return dtypes.size() == 1 && HasStorageClass(dtypes[0])
               ? std::optional(dtypes[0])
               : std::nullopt;
  }
};

PickledStorageName NameOf(const StorageUse& use, size_t key,
                          StorageNeed& need) {
  PickledStorageName name{
      .key = absl::StrCat(key),
      .dtype = use.ClassDType(),
      .location = HasDeviceStorages(use.location) ? use.location : "cpu"};
  // Offsets are in elements of each tensor.
  uint64_t unit = 1;
  for (const DType dtype : use.dtypes) {
    unit = std::max(unit, ElementBytes(dtype));
  }
  const uint64_t excess = need.begin_bytes % unit;
  need.begin_bytes -= excess;
  need.size_bytes += excess;
  if (name.dtype) {
    // Bytes of less than an element belong to none.
    need.size_bytes -= need.size_bytes % ElementBytes(*name.dtype);
  }
  name.skipped_bytes = need.begin_bytes;
  name.size_bytes = need.size_bytes;
  return name;
}

}  // namespace

PickledStorages NamePickledStorages(const Catalog& catalog) {
  const ValueGraph& graph = *catalog.values;
  const std::vector<uint32_t> references =
      ReachedValues(graph, catalog.root_id);
  PickledStorages result;
  std::vector<StorageUse> uses(catalog.storages.size());
  Catalog viewed;  // the storages, and the tensors that are written
  viewed.storages = catalog.storages;
  std::set<DType> dtypes;
  for (ValueId id = 0; id < graph.size(); ++id) {
    const Value value(&graph, id);
    if (references[id] == 0) {
      continue;
    }
    if (value.kind() == ValueKind::kStorage) {
      uses[static_cast<size_t>(value.AsIndex())].is_value = true;
    }
    if (value.kind() != ValueKind::kTensor || value.AsIndex() < 0 ||
        IsNumpyArray(value, catalog)) {
      continue;
    }
    const TensorEntry& tensor =
        catalog.tensors[static_cast<size_t>(value.AsIndex())];
    ++result.tensor_count;
    dtypes.insert(tensor.spec.dtype);
    if (tensor.storage && tensor.location != "meta") {
      uses[static_cast<size_t>(*tensor.storage)].Add(tensor);
      viewed.tensors.push_back(tensor);
    }
  }
  for (size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].is_value) {
      viewed.tensors.push_back({.spec = {.dtype = DType::kUint8,
                                         .shape = {static_cast<int64_t>(
                                             catalog.storages[i].size_bytes)},
                                         .strides = {1}},
                                .storage = static_cast<int>(i)});
    }
  }
  result.needs = NeededStorages(viewed, /*keep_verifiable=*/true);
  result.names.resize(catalog.storages.size());
  for (size_t key = 0; key < result.needs.size(); ++key) {
    StorageNeed& need = result.needs[key];
    const auto storage = static_cast<size_t>(need.storage);
    result.names[storage] = NameOf(uses[storage], key, need);
  }
  for (const DType dtype : dtypes) {
    if (const absl::string_view version = FirstVersion(dtype);
        !version.empty()) {
      result.warnings.push_back(absl::StrCat(
          DTypeName(dtype), " is read by PyTorch ", version, " and later"));
    }
  }
  return result;
}

}  // namespace hoist
