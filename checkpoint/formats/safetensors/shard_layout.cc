#include "hoist/checkpoint/formats/safetensors/shard_layout.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/checkpoint/formats/safetensors/header_text.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/core/io/output_file.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

constexpr uint64_t kAlignment = 8;  // the reference's
constexpr uint64_t kPageAlignedBytes = uint64_t{1} << 20;

uint64_t BytesOf(const TensorEntry& tensor) {
  // ValidateCatalog() has seen that it is a number.
  return static_cast<uint64_t>(*LogicalBytes(tensor.spec));
}

// The tensors of each shard, by their index.
std::vector<std::vector<size_t>> Divide(const std::vector<TensorEntry>& tensors,
                                        uint64_t max_shard_bytes) {
  std::vector<std::vector<size_t>> shards(1);
  uint64_t shard_bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t size = BytesOf(tensors[i]);
    if (max_shard_bytes > 0 && shard_bytes > 0 &&
        size > max_shard_bytes - std::min(max_shard_bytes, shard_bytes)) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shards.back().push_back(i);
    shard_bytes += size;
  }
  return shards;
}

absl::StatusOr<SafetensorsShard> LayOut(const FlatTensors& flat,
                                        std::vector<size_t> members,
                                        SafetensorsHeader header) {
  const std::vector<TensorEntry>& tensors = flat.catalog.tensors;
  std::ranges::sort(members, [&tensors](size_t a, size_t b) {
    const auto rank = [&tensors](size_t i) {
      // One that the format has not is refused with its header.
      const auto dtype = SafetensorsDTypeOf(tensors[i].spec.dtype);
      return dtype ? -dtype->rank : 1;
    };
    return std::tuple(rank(a), tensors[a].name) <
           std::tuple(rank(b), tensors[b].name);
  });
  SafetensorsShard shard;
  for (const size_t i : members) {
    const uint64_t size = BytesOf(tensors[i]);
    header.tensors.push_back({.name = tensors[i].name,
                              .dtype = tensors[i].spec.dtype,
                              .shape = tensors[i].spec.shape,
                              .begin = shard.tensor_bytes,
                              .end = shard.tensor_bytes + size});
    shard.places.push_back(
        {.tensor = i, .file_offset = shard.tensor_bytes, .size_bytes = size});
    shard.tensor_bytes += size;
  }
  HOIST_ASSIGN_OR_RETURN(
      shard.header,
      SafetensorsHeaderText(header, shard.tensor_bytes < kPageAlignedBytes
                                        ? kAlignment
                                        : kDirectWriteAlignment));
  for (SafetensorsShard::Place& place : shard.places) {
    place.file_offset += shard.header.size();
  }
  return shard;
}

}  // namespace

absl::StatusOr<std::vector<SafetensorsShard>> LayOutShards(
    const FlatTensors& tensors, const TextPairs& metadata,
    uint64_t max_shard_bytes) {
  const std::vector<std::vector<size_t>> divided =
      Divide(tensors.catalog.tensors, max_shard_bytes);
  absl::flat_hash_map<absl::string_view, size_t> shard_of;
  for (size_t shard = 0; shard < divided.size(); ++shard) {
    for (const size_t i : divided[shard]) {
      const absl::string_view name = tensors.catalog.tensors[i].name;
      const auto [known, is_new] = shard_of.emplace(name, shard);
      if (!is_new && known->second != shard) {
        return absl::InvalidArgumentError(absl::StrCat(
            "The name ", QuotedName(name), " is that of two tensors"));
      }
    }
  }
  absl::flat_hash_set<absl::string_view> keys;
  for (const auto& [key, value] : metadata) {
    keys.insert(key);
  }
  std::vector<SafetensorsHeader> headers(divided.size(),
                                         {.metadata = metadata});
  for (const auto& [dropped, kept] : tensors.dropped) {
    if (shard_of.contains(dropped)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "The name ", QuotedName(dropped), " is that of two tensors"));
    }
    if (keys.insert(dropped).second) {
      headers[shard_of.at(kept)].metadata.emplace_back(dropped, kept);
    }
  }
  std::vector<SafetensorsShard> shards;
  for (size_t i = 0; i < divided.size(); ++i) {
    HOIST_ASSIGN_OR_RETURN(SafetensorsShard shard,
                           LayOut(tensors, divided[i], std::move(headers[i])));
    shards.push_back(std::move(shard));
  }
  return shards;
}

std::string ShardFileName(absl::string_view stem, size_t index, size_t count) {
  return absl::StrCat(
      stem, absl::StrFormat("-%05d-of-%05d.safetensors", index + 1, count));
}

std::string ShardIndexText(const FlatTensors& tensors,
                           const std::vector<SafetensorsShard>& shards,
                           absl::string_view stem) {
  uint64_t total = 0;
  nlohmann::json weight_map = nlohmann::json::object();
  for (size_t i = 0; i < shards.size(); ++i) {
    total += shards[i].tensor_bytes;
    for (const SafetensorsShard::Place& place : shards[i].places) {
      weight_map[tensors.catalog.tensors[place.tensor].name] =
          ShardFileName(stem, i, shards.size());
    }
  }
  const nlohmann::json index = {{"metadata", {{"total_size", total}}},
                                {"weight_map", std::move(weight_map)}};
  return index.dump(2) + "\n";
}

}  // namespace hoist
