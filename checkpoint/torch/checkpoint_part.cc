#include "hoist/checkpoint/torch/checkpoint_part.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/torch/pickled_module.h"

namespace hoist::libtorch {
namespace {

constexpr int kMaxDepth = 3;
constexpr size_t kMaxParts = 256;

void AddParts(Value value, const std::string& path, int depth,
              std::vector<CheckpointPart>& parts) {
  if (value.kind() != ValueKind::kDict || depth == kMaxDepth) {
    return;
  }
  for (size_t i = 0; i < value.size() && parts.size() < kMaxParts; ++i) {
    const Value item = value.value(i);
    if (value.key(i).kind() != ValueKind::kString ||
        (item.kind() != ValueKind::kDict && !IsPickledModule(item))) {
      continue;
    }
    const std::string name =
        absl::StrCat(path, path.empty() ? "" : ".", value.key(i).AsString());
    parts.push_back({.path = name, .value = item});
    AddParts(item, name, depth + 1, parts);
  }
}

bool IsIn(absl::string_view name, absl::string_view path) {
  return absl::ConsumePrefix(&name, path) && absl::StartsWith(name, ".");
}

}  // namespace

std::vector<CheckpointPart> FindParts(const Catalog& catalog) {
  std::vector<CheckpointPart> parts(1);
  if (catalog.values == nullptr) {
    return parts;
  }
  parts.front().value = catalog.root();
  AddParts(catalog.root(), "", 0, parts);
  parts.erase(std::remove_if(parts.begin() + 1, parts.end(),
                             [&catalog](const CheckpointPart& part) {
                               return std::none_of(
                                   catalog.tensors.begin(),
                                   catalog.tensors.end(),
                                   [&part](const TensorEntry& tensor) {
                                     return IsIn(tensor.name, part.path);
                                   });
                             }),
              parts.end());
  return parts;
}

std::vector<TensorEntry> TensorsOfPart(const Catalog& catalog,
                                       absl::string_view path) {
  if (path.empty()) {
    return catalog.tensors;
  }
  std::vector<TensorEntry> tensors;
  for (const TensorEntry& tensor : catalog.tensors) {
    if (IsIn(tensor.name, path)) {
      tensors.push_back(tensor);
      tensors.back().name.erase(0, path.size() + 1);
    }
  }
  return tensors;
}

absl::flat_hash_map<std::string, int64_t> ModuleVersions(
    const CheckpointPart& part) {
  absl::flat_hash_map<std::string, int64_t> versions;
  const auto metadata =
      part.value ? part.value->state().Find("_metadata") : std::nullopt;
  if (!metadata || metadata->kind() != ValueKind::kDict) {
    return versions;
  }
  for (size_t i = 0; i < metadata->size(); ++i) {
    const auto version = metadata->value(i).Find("version");
    if (metadata->key(i).kind() == ValueKind::kString && version &&
        version->kind() == ValueKind::kInt) {
      versions[metadata->key(i).AsString()] = version->AsInt();
    }
  }
  return versions;
}

}  // namespace hoist::libtorch
