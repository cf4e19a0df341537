#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SHARD_LAYOUT_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SHARD_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/safetensors/flat_tensors.h"

namespace hoist {

// One file of tensors: its first bytes, and the places of those behind them.
struct SafetensorsShard {
  struct Place {
    size_t tensor = 0;  // index into FlatTensors::catalog.tensors
    uint64_t file_offset = 0;
    uint64_t size_bytes = 0;
  };
  std::string header;
  std::vector<Place> places;
  uint64_t tensor_bytes = 0;

  uint64_t file_bytes() const { return header.size() + tensor_bytes; }
};

using TextPairs = std::vector<std::pair<std::string, std::string>>;

// All tensors in one shard; or, where they have more than `max_shard_bytes`
// and that is not 0, in the order of the catalog in shards of at most so many,
// none of which cuts a tensor. In each they lie as the reference sorts them;
// that of 1 MiB and more begins at a multiple of 4096 bytes of its file.
//
// Each shard has `metadata`, and, where that has no such key, what was dropped
// of the tensors in it. Errors of SafetensorsHeaderText(); two tensors of one
// name are kInvalidArgument also in two shards. Thread-safe.
absl::StatusOr<std::vector<SafetensorsShard>> LayOutShards(
    const FlatTensors& tensors, const TextPairs& metadata,
    uint64_t max_shard_bytes);

// "model-00001-of-00003.safetensors", of shard `index` of `count`, from 0 on.
std::string ShardFileName(absl::string_view stem, size_t index, size_t count);

// The text of an index file, as transformers and huggingface_hub have it.
std::string ShardIndexText(const FlatTensors& tensors,
                           const std::vector<SafetensorsShard>& shards,
                           absl::string_view stem);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SHARD_LAYOUT_H_
