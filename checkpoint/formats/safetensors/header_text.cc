#include "hoist/checkpoint/formats/safetensors/header_text.h"

#include <simdjson.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr absl::string_view kMetadataKey = "__metadata__";

absl::StatusOr<std::string> Quoted(absl::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat(QuotedName(text), " is not UTF-8, as the format has it"));
  }
  return nlohmann::json(std::string(text)).dump();
}

// Of a packed dtype, the format counts numbers.
absl::StatusOr<std::vector<int64_t>> ShapeOf(
    const SafetensorsHeader::Tensor& tensor) {
  std::vector<int64_t> shape = tensor.shape;
  if (tensor.dtype == DType::kFloat4E2m1fnX2) {
    if (shape.empty() ||
        shape.back() > std::numeric_limits<int64_t>::max() / 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Tensor ", QuotedName(tensor.name),
          ": the format counts two numbers in each byte of the last dimension, "
          "and it has none"));
    }
    shape.back() *= 2;
  }
  return shape;
}

absl::StatusOr<std::string> TensorText(
    const SafetensorsHeader::Tensor& tensor) {
  const auto dtype = SafetensorsDTypeOf(tensor.dtype);
  if (!dtype) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            "Tensor ", QuotedName(tensor.name), ": safetensors has no dtype ",
            DTypeName(tensor.dtype))),
        "Leave it out or convert it to another dtype; or write a format that "
        "has it, torch or native");
  }
  HOIST_ASSIGN_OR_RETURN(const std::string name, Quoted(tensor.name));
  HOIST_ASSIGN_OR_RETURN(const std::vector<int64_t> shape, ShapeOf(tensor));
  return absl::StrCat(name, ":{\"dtype\":\"", dtype->name, "\",\"shape\":[",
                      absl::StrJoin(shape, ","), "],\"data_offsets\":[",
                      tensor.begin, ",", tensor.end, "]}");
}

}  // namespace

absl::StatusOr<std::string> SafetensorsHeaderText(
    const SafetensorsHeader& header, uint64_t alignment) {
  std::string json = "{";
  if (!header.metadata.empty()) {
    absl::StrAppend(&json, "\"", kMetadataKey, "\":{");
    absl::flat_hash_set<absl::string_view> keys;
    for (const auto& [key, value] : header.metadata) {
      HOIST_ASSIGN_OR_RETURN(const std::string key_text, Quoted(key));
      HOIST_ASSIGN_OR_RETURN(const std::string value_text, Quoted(value));
      if (!keys.insert(key).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("Metadata has the key ", QuotedName(key), " twice"));
      }
      absl::StrAppend(&json, keys.size() > 1 ? "," : "", key_text, ":",
                      value_text);
    }
    absl::StrAppend(&json, "}");
  }
  absl::flat_hash_set<absl::string_view> names = {kMetadataKey};
  for (const SafetensorsHeader::Tensor& tensor : header.tensors) {
    if (!names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("The name ", QuotedName(tensor.name),
                       tensor.name == kMetadataKey
                           ? " is the format's own"
                           : " is that of two tensors, and the format keeps "
                             "one by each"));
    }
    HOIST_ASSIGN_OR_RETURN(const std::string text, TensorText(tensor));
    absl::StrAppend(&json, json.size() > 1 ? "," : "", text);
  }
  absl::StrAppend(&json, "}");
  constexpr uint64_t kLengthBytes = sizeof(uint64_t);
  const uint64_t unpadded = kLengthBytes + json.size();
  json.append((alignment - unpadded % alignment) % alignment, ' ');
  if (json.size() > kMaxHeaderBytes) {
    return WithHint(absl::InvalidArgumentError(absl::StrCat(
                        "The header would take ", json.size(),
                        " bytes; the format has at most ", kMaxHeaderBytes)),
                    "Write several files (--max-shard-size)");
  }
  std::string length(kLengthBytes, '\0');
  StoreLittleEndian(uint64_t{json.size()}, length.data());
  return length + json;
}

}  // namespace hoist
