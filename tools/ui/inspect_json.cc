#include "hoist/tools/ui/inspect_json.h"

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/tools/ui/opaque_objects.h"

namespace hoist {
namespace {

Json TensorJson(const TensorEntry& tensor) {
  Json json = Json::object();
  // Json's [] would look at all keys.
  auto& members = json.get_ref<Json::object_t&>();
  constexpr size_t kMembers = 11;
  members.reserve(kMembers);
  members.emplace_back("name", tensor.name);
  members.emplace_back("dtype", std::string(DTypeName(tensor.spec.dtype)));
  members.emplace_back("shape", tensor.spec.shape);
  members.emplace_back("strides", tensor.spec.strides);
  members.emplace_back("nbytes", LogicalBytes(tensor.spec).value_or(0));
  members.emplace_back("storage",
                       tensor.storage ? Json(*tensor.storage) : Json(nullptr));
  members.emplace_back("storage_offset", tensor.storage_offset);
  members.emplace_back("location", tensor.location);
  members.emplace_back("requires_grad", tensor.requires_grad);
  members.emplace_back("persistent", tensor.is_persistent);
  return json;
}

// Of equal keys the last one counts, at the first one's place.
Json MetadataJson(
    const std::vector<std::pair<std::string, std::string>>& metadata) {
  Json json = Json::object();
  // Json finds a key by looking at all.
  auto& members = json.get_ref<Json::object_t&>();
  absl::flat_hash_map<absl::string_view, size_t> index;
  for (const auto& [key, value] : metadata) {
    const auto [known, is_new] = index.try_emplace(key, members.size());
    if (is_new) {
      members.emplace_back(key, value);
    } else {
      (members.begin() + static_cast<std::ptrdiff_t>(known->second))->second =
          value;
    }
  }
  return json;
}

}  // namespace

Json InspectJson(const Catalog& catalog, absl::string_view path,
                 const Digests* digests) {
  Json json;
  json["schema"] = "hoist.inspect/1";
  json["path"] = std::string(path);
  json["format"] = std::string(FormatName(catalog.format));
  json["format_version"] = catalog.format_version;
  Json tensors = Json::array();
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    Json tensor = TensorJson(catalog.tensors[i]);
    if (digests != nullptr) {
      const auto& digest = (*digests)[i];
      tensor["sha256"] = digest ? Json(*digest) : Json(nullptr);
    }
    tensors.push_back(std::move(tensor));
  }
  json["tensors"] = std::move(tensors);
  const OpaqueObjects found = FindOpaqueObjects(catalog.root());
  Json objects = Json::array();
  for (const OpaqueObject& object : found.objects) {
    Json entry;
    entry["path"] = object.path;
    entry["class"] = object.class_name;
    objects.push_back(std::move(entry));
  }
  json["objects"] = std::move(objects);
  json["metadata"] = MetadataJson(catalog.metadata);
  json["warnings"] = catalog.warnings;
  if (found.is_truncated) {
    json["warnings"].push_back(
        "not all objects are listed: their paths are too long");
  }
  return json;
}

}  // namespace hoist
