#ifndef HOIST_CHECKPOINT_TORCH_CHECKPOINT_PART_H_
#define HOIST_CHECKPOINT_TORCH_CHECKPOINT_PART_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist::libtorch {

// A part of a checkpoint that may be a state dict: the whole, or what a dict or
// a pickled module in it holds.
struct CheckpointPart {
  std::string path;            // keys joined with "."; "" is the whole
  std::optional<Value> value;  // nullopt where values do not say
};

// The whole of `catalog`, and the dicts and modules of its first three levels
// that some tensor is in; 256 at most. Valid as long as `catalog`. Thread-safe,
// like all here.
std::vector<CheckpointPart> FindParts(const Catalog& catalog);

// The tensors of `catalog` whose names start with `path` and a dot, with the
// rest as their names; all of them for "".
std::vector<TensorEntry> TensorsOfPart(const Catalog& catalog,
                                       absl::string_view path);

// The module versions in the `_metadata` of a state dict, by module path.
absl::flat_hash_map<std::string, int64_t> ModuleVersions(
    const CheckpointPart& part);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_CHECKPOINT_PART_H_
