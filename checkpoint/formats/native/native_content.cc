#include "hoist/checkpoint/formats/native/native_content.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "hoist/checkpoint/catalog/user_metadata.h"
#include "hoist/checkpoint/pickle/reached_values.h"
#include "hoist/checkpoint/plan/storage_need.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// Where a storage is cut, tensors of every dtype have a whole number of
// elements before: 64 of the widest, and 6-bit floats, too.
constexpr uint64_t kCutBytes = 192;

int FloatBytes(DType dtype) {
  if (IsComplex(dtype)) {
    return DTypeBits(dtype) / 16;
  }
  return IsFloatingPoint(dtype) && DTypeBits(dtype) % 16 == 0
             ? DTypeBits(dtype) / 8
             : 0;
}

// By storage of the catalog: which bytes of it are kept; nullopt for none.
std::vector<std::optional<StorageNeed>> KeptBytes(const Catalog& catalog) {
  std::vector<std::optional<StorageNeed>> kept(catalog.storages.size());
  for (StorageNeed need : NeededStorages(catalog, /*keep_verifiable=*/true)) {
    const uint64_t end = need.begin_bytes + need.size_bytes;
    need.begin_bytes = need.begin_bytes / kCutBytes * kCutBytes;
    need.size_bytes = end - need.begin_bytes;
    kept[need.storage] = need;
  }
  if (catalog.values == nullptr) {
    return kept;
  }
  // Values that the root does not lead to are not written.
  const std::vector<uint32_t> references =
      ReachedValues(*catalog.values, catalog.root_id);
  for (size_t i = 0; i < references.size(); ++i) {
    const Value value(catalog.values.get(), static_cast<ValueId>(i));
    if (references[i] > 0 && value.kind() == ValueKind::kStorage) {
      const int storage = value.AsIndex();
      kept[storage] =
          StorageNeed{.storage = storage,
                      .size_bytes = catalog.storages[storage].size_bytes};
    }
  }
  return kept;
}

// The same values, with storages under their new indices.
std::shared_ptr<const ValueGraph> WithStorages(
    const std::shared_ptr<const ValueGraph>& values,
    const std::vector<int>& new_index) {
  std::shared_ptr<ValueGraph> copy;
  for (size_t i = 0; values != nullptr && i < values->size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (values->node(id).kind != ValueKind::kStorage) {
      continue;
    }
    if (copy == nullptr) {
      copy = std::make_shared<ValueGraph>(values->Copy());
    }
    copy->node(id).data = int64_t{new_index[Value(values.get(), id).AsIndex()]};
  }
  return copy == nullptr ? values : copy;
}

// The element of a storage that begins at `begin_bytes` of the one it is of.
int64_t OffsetFrom(const TensorEntry& tensor, uint64_t begin_bytes) {
  const uint64_t elements =
      begin_bytes * 8 / static_cast<uint64_t>(DTypeBits(tensor.spec.dtype));
  // That of a tensor without elements may be any.
  return std::max<int64_t>(
      0, tensor.storage_offset - static_cast<int64_t>(elements));
}

void SetFloatBytes(NativeContent& content) {
  std::vector<bool> is_seen(content.sources.size());
  for (const TensorEntry& tensor : content.catalog.tensors) {
    if (!tensor.storage) {
      continue;
    }
    int& float_bytes = content.sources[*tensor.storage].float_bytes;
    const int width = FloatBytes(tensor.spec.dtype);
    float_bytes = !is_seen[*tensor.storage] || float_bytes == width ? width : 0;
    is_seen[*tensor.storage] = true;
  }
}

}  // namespace

NativeContent MakeNativeContent(
    const Catalog& catalog,
    absl::Span<const std::pair<std::string, std::string>> metadata) {
  NativeContent content;
  const std::vector<std::optional<StorageNeed>> kept = KeptBytes(catalog);
  std::vector<int> new_index(kept.size(), -1);
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) {
      new_index[i] = static_cast<int>(content.sources.size());
      content.sources.push_back({.storage = static_cast<int>(i),
                                 .begin_bytes = kept[i]->begin_bytes});
      content.catalog.storages.push_back({.size_bytes = kept[i]->size_bytes,
                                          .name = catalog.storages[i].name});
    }
  }
  content.catalog.tensors = catalog.tensors;
  for (TensorEntry& tensor : content.catalog.tensors) {
    if (tensor.storage) {
      tensor.storage_offset =
          OffsetFrom(tensor, kept[*tensor.storage]->begin_bytes);
      tensor.storage = new_index[*tensor.storage];
    }
  }
  content.catalog.values = WithStorages(catalog.values, new_index);
  content.catalog.root_id = catalog.root_id;
  content.catalog.producer = catalog.producer;
  content.catalog.metadata = UserMetadata(catalog);
  for (const auto& entry : metadata) {
    std::erase_if(content.catalog.metadata, [&entry](const auto& pair) {
      return pair.first == entry.first;
    });
    content.catalog.metadata.push_back(entry);
  }
  SetFloatBytes(content);
  return content;
}

NativeContent PartOfContent(const NativeContent& content,
                            absl::Span<const int> storages) {
  NativeContent part;
  std::vector<int> new_index(content.sources.size(), -1);
  for (const int storage : storages) {
    new_index[storage] = static_cast<int>(part.sources.size());
    part.sources.push_back(content.sources[storage]);
    part.catalog.storages.push_back(content.catalog.storages[storage]);
  }
  auto values = std::make_shared<ValueGraph>();
  std::vector<ValueId> items;
  for (const TensorEntry& entry : content.catalog.tensors) {
    if (!entry.storage || new_index[*entry.storage] < 0) {
      continue;
    }
    TensorEntry tensor = entry;
    tensor.storage = new_index[*entry.storage];
    items.push_back(values->AddString(tensor.name));
    items.push_back(values->Add(
        {.kind = ValueKind::kTensor,
         .data = static_cast<int64_t>(part.catalog.tensors.size())}));
    part.catalog.tensors.push_back(std::move(tensor));
  }
  part.catalog.root_id = values->AddItems(ValueKind::kDict, items);
  part.catalog.values = std::move(values);
  part.catalog.producer = content.catalog.producer;
  return part;
}

}  // namespace hoist
