#ifndef HOIST_CHECKPOINT_MIGRATE_TEST_PARTS_H_
#define HOIST_CHECKPOINT_MIGRATE_TEST_PARTS_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/migrate/checkpoint_parts.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/tensor/element_value.h"

namespace hoist {

// A checkpoint in memory that is written down key by key: float32 tensors, each
// over a storage of its own, whose elements count on from one to the next.
class TestParts {
 public:
  // Key, value, key, value, ... of a dict.
  using Items = std::vector<ValueId>;

  ValueId Tensor(const std::vector<int64_t>& shape) {
    const int64_t count = *ElementCount(shape);
    std::string bytes;
    for (int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<float>(next_++);
      bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    catalog_.storages.push_back(
        {.offset_bytes = content_.size(),
         .size_bytes = bytes.size(),
         .name = absl::StrCat("data/", catalog_.storages.size())});
    content_ += bytes;
    return View(static_cast<int>(catalog_.storages.size()) - 1, shape);
  }
  ValueId View(int storage, const std::vector<int64_t>& shape) {
    unnamed_.push_back(
        {.spec = *ContiguousSpec(DType::kFloat32, shape), .storage = storage});
    return graph_->Add({.kind = ValueKind::kTensor,
                        .data = static_cast<int64_t>(unnamed_.size() - 1)});
  }
  TensorEntry& entry(ValueId tensor) {
    return unnamed_[std::get<int64_t>(graph_->node(tensor).data)];
  }
  ValueId Text(absl::string_view text) { return graph_->AddString(text); }
  ValueId Dict(Items items) {
    return graph_->AddItems(ValueKind::kDict, items);
  }
  ValueId List(Items items) {
    return graph_->AddItems(ValueKind::kList, items);
  }
  // With `_metadata` of versions by module.
  ValueId StateDict(Items items,
                    std::vector<std::pair<std::string, int64_t>> versions) {
    Items modules;
    for (const auto& [module, version] : versions) {
      modules.push_back(Text(module));
      modules.push_back(Dict({Text("version"), graph_->AddInt(version)}));
    }
    const ValueId dict = Dict(std::move(items));
    graph_->node(dict).state = Dict({Text("_metadata"), Dict(modules)});
    return dict;
  }
  // A state dict of tensors of these shapes.
  ValueId StateDict(
      std::vector<std::pair<std::string, std::vector<int64_t>>> tensors,
      std::vector<std::pair<std::string, int64_t>> versions) {
    Items items;
    for (const auto& [key, shape] : tensors) {
      items.push_back(Text(key));
      items.push_back(Tensor(shape));
    }
    return StateDict(std::move(items), std::move(versions));
  }
  ValueGraph& graph() { return *graph_; }

  CheckpointParts Parts(ValueId root) {
    catalog_.root_id = root;
    catalog_.tensors = *NameTensors(*graph_, root, unnamed_);
    catalog_.values = graph_;
    catalog_.files = {{.path = "memory", .size_bytes = content_.size()}};
    return {catalog_, {std::make_shared<MemoryFile>(content_)}};
  }

 private:
  Catalog catalog_;
  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
  std::vector<TensorEntry> unnamed_;
  std::string content_;
  int next_ = 0;
};

inline std::vector<std::string> NamesOf(const CheckpointParts& parts) {
  std::vector<std::string> names;
  for (const TensorEntry& tensor : parts.catalog.tensors) {
    names.push_back(tensor.name);
  }
  return names;
}

// "w float32[2] 0 1": each tensor and its elements.
inline std::vector<std::string> TensorsOf(const CheckpointParts& parts) {
  const std::vector<std::string> elements =
      NaiveLoad(parts.catalog, parts.files);
  std::vector<std::string> lines;
  for (size_t i = 0; i < elements.size(); ++i) {
    const TensorEntry& tensor = parts.catalog.tensors[i];
    const DType dtype = tensor.spec.dtype;
    std::string line = absl::StrCat(tensor.name, " ", DTypeName(dtype),
                                    ShapeString(tensor.spec.shape));
    const size_t width = static_cast<size_t>(DTypeBits(dtype)) / 8;
    for (size_t at = 0; at < elements[i].size(); at += width) {
      const ElementValue value = DecodeElement(
          dtype, reinterpret_cast<const uint8_t*>(&elements[i][at]));
      std::visit(
          [&line](auto number) {
            if constexpr (std::is_same_v<decltype(number),
                                         std::complex<double>>) {
              absl::StrAppend(&line, " ", number.real(), "+", number.imag(),
                              "j");
            } else {
              absl::StrAppend(&line, " ", number);
            }
          },
          value);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

// "module 1": what `_metadata` of a dict says.
inline std::vector<std::string> VersionsOf(Value dict) {
  std::vector<std::string> lines;
  if (const auto metadata = dict.state().Find("_metadata")) {
    for (size_t i = 0; i < metadata->size(); ++i) {
      lines.push_back(
          absl::StrCat(metadata->key(i).AsString(), " ",
                       metadata->value(i).Find("version")->AsInt()));
    }
  }
  return lines;
}

inline std::vector<std::string> KeysOf(Value dict) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < dict.size(); ++i) {
    keys.push_back(ValueText(dict.key(i)));
  }
  return keys;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_TEST_PARTS_H_
