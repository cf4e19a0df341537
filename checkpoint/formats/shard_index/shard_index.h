#ifndef HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_INDEX_H_
#define HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_INDEX_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

// What the index of a checkpoint in several files says: which file, a shard,
// has which tensor. (specs: pytorch-formats.md section 11.5)
struct ShardIndex {
  // Tensor and file, in the order of the index.
  std::vector<std::pair<std::string, std::string>> weight_map;
  // Bytes of all tensors, as its writer has counted them.
  std::optional<double> total_size_bytes;
  // Strings and numbers of "metadata", but for that.
  std::vector<std::pair<std::string, std::string>> metadata;
  // All of "metadata" but for that, each as JSON.
  std::vector<std::pair<std::string, std::string>> metadata_json;

  // The files, each once, sorted.
  std::vector<std::string> Files() const;
};

// Largest index that is read: that of 1,000,000 tensors has less.
inline constexpr size_t kMaxShardIndexBytes = size_t{256} << 20;

// Reads the JSON text of an index. kDataLoss for what is no such JSON, and for
// a tensor that is there twice. kPermissionDenied for a file whose name leads
// out of the index's folder: a path that is absolute, or has "..". Takes memory
// in proportion to `text`. Thread-safe.
absl::StatusOr<ShardIndex> ParseShardIndex(absl::string_view text);

// The text of `index`, with total_size first, then metadata_json and
// weight_map, as Hugging Face's libraries lay it out. kInvalidArgument for
// names that are not UTF-8, which JSON has no place for. Thread-safe.
absl::StatusOr<std::string> ShardIndexText(const ShardIndex& index);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SHARD_INDEX_SHARD_INDEX_H_
