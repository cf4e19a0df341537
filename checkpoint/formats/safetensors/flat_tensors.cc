#include "hoist/checkpoint/formats/safetensors/flat_tensors.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/safetensors/lazy_bits_file.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/derived_file.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/checkpoint/write/name_list.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// What all strided tensors may keep of what they have read.
constexpr size_t kCacheBytes = size_t{64} << 20;

uint64_t BytesOf(const TensorSpec& spec) {
  // ValidateCatalog() has seen that it is a number.
  return static_cast<uint64_t>(*LogicalBytes(spec));
}

class Flattener {
 public:
  Flattener(const Catalog& catalog, CatalogFiles files)
      : catalog_(catalog), files_(files) {
    result_.catalog = catalog;
    result_.catalog.tensors.clear();
    result_.files.assign(files.begin(), files.end());
  }

  absl::StatusOr<FlatTensors> Run();

 private:
  // All that makes two tensors the same.
  using View = std::tuple<int, int64_t, DType, std::vector<int64_t>,
                          std::vector<int64_t>, bool, bool>;

  // By the index of each tensor: of the one that is kept for it.
  std::vector<size_t> KeptTensors() const;
  absl::Status Add(TensorEntry tensor);
  absl::StatusOr<std::shared_ptr<const RandomAccessFile>> Elements(
      const TensorEntry& tensor);
  void WarnOfViews();

  const Catalog& catalog_;
  const CatalogFiles files_;
  const std::shared_ptr<BlockCache> cache_ =
      std::make_shared<BlockCache>(kCacheBytes);
  absl::flat_hash_map<int, std::shared_ptr<const StorageBytes>> storages_;
  FlatTensors result_;
};

bool IsHeld(const TensorEntry& tensor) {
  return tensor.is_persistent && tensor.storage && tensor.location != "meta";
}

// Of the same tensors, the first name in the alphabet stays.
std::vector<size_t> Flattener::KeptTensors() const {
  std::map<View, size_t> first;
  std::vector<size_t> kept(catalog_.tensors.size());
  std::vector<std::optional<View>> views(catalog_.tensors.size());
  for (size_t i = 0; i < catalog_.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog_.tensors[i];
    kept[i] = i;
    if (!IsHeld(tensor) || BytesOf(tensor.spec) == 0) {
      continue;
    }
    views[i] = View(*tensor.storage, tensor.storage_offset, tensor.spec.dtype,
                    tensor.spec.shape, tensor.spec.strides, tensor.is_conjugate,
                    tensor.is_negative);
    size_t& best = first.try_emplace(*views[i], i).first->second;
    if (tensor.name < catalog_.tensors[best].name) {
      best = i;
    }
  }
  for (size_t i = 0; i < views.size(); ++i) {
    if (views[i]) {
      kept[i] = first.at(*views[i]);
    }
  }
  return kept;
}

absl::StatusOr<std::shared_ptr<const RandomAccessFile>> Flattener::Elements(
    const TensorEntry& tensor) {
  std::shared_ptr<const StorageBytes>& storage = storages_[*tensor.storage];
  if (storage == nullptr) {
    const StorageEntry& entry = catalog_.storages[*tensor.storage];
    storage = std::make_shared<StorageBytes>(files_[entry.file], entry);
  }
  HOIST_ASSIGN_OR_RETURN(
      std::shared_ptr<const RandomAccessFile> elements,
      DerivedFile::Create(tensor.name,
                          {.parts = {{.storage = storage,
                                      .spec = tensor.spec,
                                      .storage_offset = tensor.storage_offset}},
                           .dtype = tensor.spec.dtype},
                          cache_));
  if (!tensor.is_conjugate && !tensor.is_negative) {
    return elements;
  }
  return LazyBitsFile::Create(std::move(elements), tensor.spec.dtype,
                              tensor.is_conjugate, tensor.is_negative);
}

absl::Status Flattener::Add(TensorEntry tensor) {
  Catalog& flat = result_.catalog;
  if (!IsContiguous(tensor.spec) || tensor.is_conjugate || tensor.is_negative) {
    auto elements = Elements(tensor);
    if (!elements.ok()) {
      return Annotate(elements.status(), absl::StrCat("Tensor ", tensor.name));
    }
    flat.storages.push_back({.file = static_cast<int>(flat.files.size()),
                             .size_bytes = (*elements)->size_bytes(),
                             .name = tensor.name});
    flat.files.push_back({.path = (*elements)->path(),
                          .size_bytes = (*elements)->size_bytes(),
                          .content = *elements});
    result_.files.push_back(*std::move(elements));
    tensor.storage = static_cast<int>(flat.storages.size() - 1);
    tensor.storage_offset = 0;
    tensor.is_conjugate = false;
    tensor.is_negative = false;
  }
  HOIST_ASSIGN_OR_RETURN(tensor.spec,
                         ContiguousSpec(tensor.spec.dtype, tensor.spec.shape));
  flat.tensors.push_back(std::move(tensor));
  return absl::OkStatus();
}

// Of tensors that lie over each other, and are written one by one.
void Flattener::WarnOfViews() {
  struct Extent {
    int storage;
    uint64_t begin;
    uint64_t end;
    const std::string* name;
  };
  std::vector<Extent> extents;
  for (const TensorEntry& tensor : result_.catalog.tensors) {
    if (const uint64_t size = BytesOf(tensor.spec); size > 0) {
      const uint64_t begin =
          static_cast<uint64_t>(tensor.storage_offset) *
          static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8;
      extents.push_back({*tensor.storage, begin, begin + size, &tensor.name});
    }
  }
  std::ranges::sort(extents, [](const Extent& a, const Extent& b) {
    return std::tie(a.storage, a.begin) < std::tie(b.storage, b.begin);
  });
  NameList names;
  uint64_t end = 0;
  for (size_t i = 1; i < extents.size(); ++i) {
    const bool is_same = extents[i].storage == extents[i - 1].storage;
    end = is_same ? std::max(end, extents[i - 1].end) : 0;
    if (is_same && extents[i].begin < end) {
      names.Add(*extents[i].name);
    }
  }
  if (names.count() > 0) {
    result_.warnings.push_back(absl::StrCat(
        "Views of what other tensors view too are written by themselves: ",
        names.text()));
  }
}

absl::StatusOr<FlatTensors> Flattener::Run() {
  const std::vector<size_t> kept = KeptTensors();
  NameList buffers, empty, copies;
  for (size_t i = 0; i < kept.size(); ++i) {
    const TensorEntry& tensor = catalog_.tensors[i];
    if (!tensor.is_persistent) {
      buffers.Add(tensor.name);
    } else if (!IsHeld(tensor)) {
      empty.Add(tensor.name);
    } else if (kept[i] == i) {
      HOIST_RETURN_IF_ERROR(Add(tensor));
    } else if (tensor.name != catalog_.tensors[kept[i]].name) {
      const std::string& other = catalog_.tensors[kept[i]].name;
      result_.dropped.emplace_back(tensor.name, other);
      copies.Add(absl::StrCat(tensor.name, " (as ", other, ")"));
    }
  }
  const auto warn = [this](absl::string_view what, const NameList& names) {
    if (names.count() > 0) {
      result_.warnings.push_back(absl::StrCat(what, names.text()));
    }
  };
  warn("Tied tensors are written once, and named in the metadata: ", copies);
  warn("Tensors without data are left out: ", empty);
  warn("Tensors that no state dict has are left out: ", buffers);
  WarnOfViews();
  return std::move(result_);
}

}  // namespace

absl::StatusOr<FlatTensors> FlattenTensors(const Catalog& catalog,
                                           CatalogFiles files) {
  return Flattener(catalog, files).Run();
}

}  // namespace hoist
