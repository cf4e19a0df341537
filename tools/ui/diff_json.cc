#include "hoist/tools/ui/diff_json.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

constexpr size_t kMaxValueWidth = 1000;

Json Number(double number) {
  return std::isfinite(number) ? Json(number) : Json("inf");
}

Json TensorJson(const TensorEntry& tensor) {
  Json json;
  json["name"] = tensor.name;
  json["dtype"] = std::string(DTypeName(tensor.spec.dtype));
  json["shape"] = tensor.spec.shape;
  return json;
}

Json TensorsJson(const std::vector<int>& tensors, const DiffSide& side) {
  Json json = Json::array();
  for (const int index : tensors) {
    json.push_back(TensorJson(side.catalog.tensors[index]));
  }
  return json;
}

Json NumbersJson(const NumberDiff& numbers) {
  Json json;
  json["count"] = numbers.count;
  json["differing"] = numbers.differing;
  json["beyond_tolerance"] = numbers.beyond;
  json["max_abs"] = Number(numbers.max_abs);
  json["max_abs_at"] = numbers.max_abs_at;
  json["max_rel"] = Number(numbers.max_rel);
  json["nan"] = {numbers.nan_a, numbers.nan_b};
  return json;
}

Json ChangedJson(const TensorDiff& changed, const DiffSide& a,
                 const DiffSide& b) {
  const TensorEntry& tensor_a = a.catalog.tensors[changed.tensors.a];
  const TensorEntry& tensor_b = b.catalog.tensors[changed.tensors.b];
  Json json;
  json["name"] = tensor_a.name;
  json["dtype"] = {std::string(DTypeName(tensor_a.spec.dtype)),
                   std::string(DTypeName(tensor_b.spec.dtype))};
  json["shape"] = {tensor_a.spec.shape, tensor_b.spec.shape};
  json["differs"] = Json::array();
  const std::pair<bool, const char*> kinds[] = {
      {changed.is_shape_different, "shape"},
      {changed.is_dtype_different, "dtype"},
      {changed.is_data_missing, "data"},
      {changed.elements == ElementsDiff::kDifferent, "elements"}};
  for (const auto& [differs, kind] : kinds) {
    if (differs) {
      json["differs"].push_back(kind);
    }
  }
  json["elements"] = std::string(ElementsDiffName(changed.elements));
  if (changed.numbers) {
    json["numbers"] = NumbersJson(*changed.numbers);
  }
  return json;
}

Json SideJson(const DiffSide& side) {
  Json json;
  json["path"] = side.path;
  json["format"] = std::string(FormatName(side.catalog.format));
  json["tensors"] = side.catalog.tensors.size();
  json["warnings"] = side.catalog.warnings;
  return json;
}

Json ValueJson(const DiffSide& side, const std::optional<ValueId>& id) {
  return id ? Json(ShortValueText(Value(side.catalog.values.get(), *id),
                                  kMaxValueWidth))
            : Json();
}

Json TextJson(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json();
}

}  // namespace

Json DiffJson(const DiffReport& report, const DiffSide& a, const DiffSide& b) {
  Json json;
  json["schema"] = "hoist.diff/1";
  json["a"] = SideJson(a);
  json["b"] = SideJson(b);
  json["level"] = std::string(DiffLevelName(report.level));
  json["same"] = IsSame(report);
  json["partial"] = report.is_partial;
  json["removed"] = TensorsJson(report.removed, a);
  json["added"] = TensorsJson(report.added, b);
  json["renamed"] = Json::array();
  for (const TensorPair& pair : report.renamed) {
    Json entry;
    entry["from"] = a.catalog.tensors[pair.a].name;
    entry["to"] = b.catalog.tensors[pair.b].name;
    json["renamed"].push_back(std::move(entry));
  }
  json["changed"] = Json::array();
  for (const TensorDiff& changed : report.changed) {
    json["changed"].push_back(ChangedJson(changed, a, b));
  }
  json["value_differences"] = report.value_count;
  json["values"] = Json::array();
  for (const ValueDiff& value : report.values) {
    Json entry;
    entry["path"] = value.path;
    entry["a"] = ValueJson(a, value.a);
    entry["b"] = ValueJson(b, value.b);
    json["values"].push_back(std::move(entry));
  }
  json["metadata"] = Json::array();
  for (const MetadataDiff& metadata : report.metadata) {
    Json entry;
    entry["key"] = metadata.key;
    entry["a"] = TextJson(metadata.a);
    entry["b"] = TextJson(metadata.b);
    json["metadata"].push_back(std::move(entry));
  }
  json["remarks"] = report.remarks;
  json["same_tensors"] = report.same_count;
  json["not_read_tensors"] = report.not_read_count;
  json["checksum_tensors"] = report.checksum_count;
  json["checksum_bytes"] = report.checksum_bytes;
  json["read_bytes"] = report.read_bytes;
  json["seconds"] = static_cast<double>(report.time_ns) / 1e9;
  return json;
}

}  // namespace hoist
