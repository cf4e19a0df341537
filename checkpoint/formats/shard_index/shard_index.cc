#include "hoist/checkpoint/formats/shard_index/shard_index.h"

#include <simdjson.h>

#include <algorithm>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kMaxDepth = 128;

// Abseil's string_view need not be the standard library's.
absl::string_view View(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

// `text`, which is UTF-8, in quotes.
std::string JsonString(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
            nlohmann::json::error_handler_t::replace);
}

absl::Status CheckFileName(absl::string_view name, absl::string_view tensor) {
  if (name.empty() || absl::StrContains(name, '\0')) {
    return absl::DataLossError(absl::StrCat("weight_map: tensor ",
                                            QuotedName(tensor),
                                            " is in a file without a "
                                            "name: ",
                                            QuotedName(name)));
  }
  const std::vector<absl::string_view> parts =
      absl::StrSplit(name, absl::ByAnyChar("/\\"));
  if (parts[0].empty() ||
      std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return WithHint(
        absl::PermissionDeniedError(absl::StrCat(
            "weight_map: tensor ", QuotedName(tensor), " is in ",
            QuotedName(name), ", which leads out of the index's folder")),
        "No program writes such an index; do not trust where it comes from");
  }
  return absl::OkStatus();
}

absl::Status ReadWeightMap(dom::object map, ShardIndex& index) {
  absl::flat_hash_map<std::string, std::string> files;
  for (const dom::key_value_pair field : map) {
    const absl::string_view tensor = View(field.key);
    std::string_view file;
    if (field.value.get(file) != simdjson::SUCCESS) {
      return absl::DataLossError(absl::StrCat(
          "weight_map: The file of ", QuotedName(tensor), " is no string"));
    }
    HOIST_RETURN_IF_ERROR(CheckFileName(View(file), tensor));
    const auto [known, is_new] = files.emplace(tensor, file);
    if (!is_new) {
      return absl::DataLossError(absl::StrCat(
          "weight_map: Tensor ", QuotedName(tensor), " is there twice: in ",
          QuotedName(known->second), " and ", QuotedName(View(file))));
    }
    index.weight_map.emplace_back(tensor, file);
  }
  return absl::OkStatus();
}

void ReadMetadata(dom::object metadata, ShardIndex& index) {
  for (const dom::key_value_pair field : metadata) {
    std::string_view text;
    if (View(field.key) == "total_size") {
      double total;
      if (field.value.get(total) == simdjson::SUCCESS) {
        index.total_size_bytes = total;
        continue;
      }
    } else {
      index.metadata_json.emplace_back(field.key,
                                       simdjson::minify(field.value));
    }
    if (field.value.get(text) == simdjson::SUCCESS) {
      index.metadata.emplace_back(field.key, text);
    } else if (!field.value.is<dom::object>() &&
               !field.value.is<dom::array>()) {
      index.metadata.emplace_back(field.key, simdjson::minify(field.value));
    }
  }
}

}  // namespace

absl::StatusOr<std::string> ShardIndexText(const ShardIndex& index) {
  std::string text = "{\n  \"metadata\": {";
  absl::string_view separator = "\n";
  const auto add = [&](absl::string_view key, absl::string_view json) {
    absl::StrAppend(&text, separator, "    ", JsonString(key), ": ", json);
    separator = ",\n";
  };
  if (index.total_size_bytes) {
    add("total_size",
        absl::StrCat(static_cast<int64_t>(*index.total_size_bytes)));
  }
  for (const auto& [key, json] : index.metadata_json) {
    add(key, json);
  }
  absl::StrAppend(&text, "\n  },\n  \"weight_map\": {");
  separator = "\n";
  for (const auto& [tensor, file] : index.weight_map) {
    for (const std::string& name : {tensor, file}) {
      if (!simdjson::validate_utf8(name.data(), name.size())) {
        return absl::InvalidArgumentError(
            absl::StrCat("Name ", QuotedName(name),
                         " is not UTF-8, and cannot be in an index"));
      }
    }
    add(tensor, JsonString(file));
  }
  text += "\n  }\n}\n";
  return text;
}

std::vector<std::string> ShardIndex::Files() const {
  std::vector<std::string> files;
  files.reserve(weight_map.size());
  for (const auto& [tensor, file] : weight_map) {
    files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

absl::StatusOr<ShardIndex> ParseShardIndex(absl::string_view text) {
  dom::parser parser(kMaxShardIndexBytes);
  if (parser.allocate(std::max<size_t>(text.size(), 1), kMaxDepth) !=
      simdjson::SUCCESS) {
    return absl::DataLossError(
        absl::StrCat("An index of ", text.size(),
                     " bytes is more than is read: ", kMaxShardIndexBytes));
  }
  const simdjson::padded_string padded(text.data(), text.size());
  dom::element root;
  if (const auto error = parser.parse(padded).get(root);
      error != simdjson::SUCCESS) {
    return absl::DataLossError(absl::StrCat("The index is no valid JSON: ",
                                            simdjson::error_message(error)));
  }
  dom::object map;
  if (root.at_key("weight_map").get(map) != simdjson::SUCCESS) {
    return absl::DataLossError(
        "The index has no \"weight_map\" with tensors and files");
  }
  ShardIndex index;
  HOIST_RETURN_IF_ERROR(ReadWeightMap(map, index));
  dom::object metadata;
  if (root.at_key("metadata").get(metadata) == simdjson::SUCCESS) {
    ReadMetadata(metadata, index);
  }
  return index;
}

}  // namespace hoist
