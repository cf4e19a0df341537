#include "hoist/checkpoint/compat/compat_side.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/tied_tensors.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

constexpr absl::string_view kSchema = "hoist.manifest/1";
// Deeper there are values, and no state dicts.
constexpr int kMaxDepth = 4;
constexpr size_t kMaxDicts = 4096;

// Finds the dicts in dicts, and what in state dicts is no tensor.
class DictWalk {
 public:
  explicit DictWalk(CompatSide& side) : side_(side) {}

  void Visit(Value value, const std::string& prefix, int depth) {
    if (value.kind() != ValueKind::kDict || depth > kMaxDepth ||
        ++visited_ > kMaxDicts) {
      return;
    }
    if (!prefix.empty()) {
      side_.envelopes.push_back(prefix);
    }
    const bool is_state_dict = value.state().kind() == ValueKind::kDict &&
                               value.state().Find("_metadata").has_value();
    for (size_t i = 0; i < value.size(); ++i) {
      if (value.key(i).kind() != ValueKind::kString) {
        continue;
      }
      const absl::string_view key = value.key(i).AsString();
      const Value item = value.value(i);
      if (item.kind() == ValueKind::kTensor) {
        continue;
      }
      if (absl::EndsWith(key, "_extra_state") || is_state_dict) {
        side_.tensors.push_back(
            {.name = absl::StrCat(prefix, key), .is_tensor = false});
      } else {
        Visit(item, absl::StrCat(prefix, key, "."), depth + 1);
      }
    }
  }

 private:
  CompatSide& side_;
  size_t visited_ = 0;
};

absl::Status ManifestError(absl::string_view message) {
  return WithHint(
      absl::InvalidArgumentError(absl::StrCat("The manifest ", message)),
      "It is written by: hoist inspect MODEL --manifest; or by hand as "
      "{\"schema\": \"hoist.manifest/1\", \"tensors\": [{\"name\": ..., "
      "\"dtype\": \"float32\", \"shape\": [...]}]}");
}

absl::StatusOr<TensorOutline> ParseEntry(const nlohmann::json& entry,
                                         size_t index) {
  const auto where = [index] { return absl::StrCat("tensors[", index, "] "); };
  if (!entry.is_object() || !entry.contains("name") ||
      !entry["name"].is_string()) {
    return ManifestError(absl::StrCat("has no name in ", where()));
  }
  TensorOutline tensor;
  tensor.name = entry["name"].get<std::string>();
  if (!entry.contains("dtype") && !entry.contains("shape")) {
    tensor.is_tensor = false;
    return tensor;
  }
  const auto dtype = entry.contains("dtype") && entry["dtype"].is_string()
                         ? DTypeFromName(entry["dtype"].get<std::string>())
                         : std::nullopt;
  if (!dtype) {
    return ManifestError(absl::StrCat("has no dtype of PyTorch in ", where(),
                                      "(", tensor.name, ")"));
  }
  tensor.dtype = *dtype;
  if (!entry.contains("shape") || !entry["shape"].is_array()) {
    return ManifestError(
        absl::StrCat("has no shape in ", where(), "(", tensor.name, ")"));
  }
  for (const nlohmann::json& size : entry["shape"]) {
    if (!size.is_number_integer() ||
        (size.is_number_unsigned() &&
         size.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) ||
        size.get<int64_t>() < 0) {
      return ManifestError(absl::StrCat("has a size that is none in ", where(),
                                        "(", tensor.name, ")"));
    }
    tensor.shape.push_back(size.get<int64_t>());
  }
  if (!ElementCount(tensor.shape).ok()) {
    return ManifestError(absl::StrCat("has an absurd shape in ", where(), "(",
                                      tensor.name, ")"));
  }
  return tensor;
}

}  // namespace

CompatSide SideOf(const Catalog& catalog) {
  CompatSide side;
  side.tensors.reserve(catalog.tensors.size());
  TiedTensors tied(catalog);
  absl::flat_hash_set<absl::string_view> devices;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    if (!tensor.is_persistent) {
      continue;
    }
    side.tensors.push_back({tensor.name, tensor.spec.dtype, tensor.spec.shape});
    const int first = tied.Add(static_cast<int>(i));
    if (first != static_cast<int>(i)) {
      side.ties.emplace_back(tensor.name, catalog.tensors[first].name);
    }
    if (tensor.location != "cpu" && tensor.location != "meta" &&
        devices.insert(tensor.location).second) {
      side.devices.push_back(tensor.location);
    }
  }
  if (catalog.values != nullptr) {
    DictWalk(side).Visit(catalog.root(), "", 0);
    if (catalog.root().kind() == ValueKind::kOpaque) {
      side.module_class = catalog.root().ClassName();
    }
  }
  return side;
}

std::string ModelManifestText(const CompatSide& side) {
  using Json = nlohmann::ordered_json;
  absl::flat_hash_map<absl::string_view, absl::string_view> ties;
  for (const auto& [name, first] : side.ties) {
    ties.emplace(name, first);
  }
  const auto text = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  std::string result =
      absl::StrCat("{\"schema\": \"", kSchema, "\",\n \"tensors\": [");
  absl::string_view separator = "\n";
  for (const TensorOutline& tensor : side.tensors) {
    Json entry;
    entry["name"] = tensor.name;
    if (tensor.is_tensor) {
      entry["dtype"] = std::string(DTypeName(tensor.dtype));
      entry["shape"] = tensor.shape;
    }
    const auto tied = ties.find(tensor.name);
    if (tied != ties.end() && tied->second != tensor.name) {
      entry["same_as"] = std::string(tied->second);
    }
    absl::StrAppend(&result, separator, "  ", text(entry));
    separator = ",\n";
  }
  return absl::StrCat(result, "\n]}\n");
}

bool IsModelManifest(absl::string_view head) {
  return absl::StrContains(head, "\"hoist.manifest/");
}

absl::StatusOr<CompatSide> ParseModelManifest(absl::string_view text) {
  const nlohmann::json json =
      nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return ManifestError("is not valid JSON");
  }
  if (!json.contains("schema") || json["schema"] != std::string(kSchema)) {
    return ManifestError(absl::StrCat("has another schema than ", kSchema));
  }
  if (!json.contains("tensors") || !json["tensors"].is_array()) {
    return ManifestError("has no array \"tensors\"");
  }
  CompatSide side;
  absl::flat_hash_set<std::string> names;
  const nlohmann::json& entries = json["tensors"];
  for (size_t i = 0; i < entries.size(); ++i) {
    auto tensor = ParseEntry(entries[i], i);
    if (!tensor.ok()) {
      return tensor.status();
    }
    if (!names.insert(tensor->name).second) {
      return ManifestError(absl::StrCat("has a name twice: ", tensor->name));
    }
    if (entries[i].contains("same_as") && entries[i]["same_as"].is_string()) {
      side.ties.emplace_back(tensor->name,
                             entries[i]["same_as"].get<std::string>());
    }
    side.tensors.push_back(*std::move(tensor));
  }
  return side;
}

}  // namespace hoist
