#ifndef HOIST_CHECKPOINT_COMPAT_COMPAT_SIDE_H_
#define HOIST_CHECKPOINT_COMPAT_COMPAT_SIDE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/compat/tensor_outline.h"

namespace hoist {

// What of a checkpoint, or of a manifest, decides whether one fits the other.
struct CompatSide {
  std::vector<TensorOutline> tensors;
  // Starts of names that are keys of dicts which hold tensors: "state_dict.".
  std::vector<std::string> envelopes;
  // Pairs of names of one tensor: a tied weight, and its first name.
  std::vector<std::pair<std::string, std::string>> ties;
  // Other devices than the CPU that tensors were saved from, each once.
  std::vector<std::string> devices;
  // The class of a whole module; empty for all else.
  std::string module_class;
};

// Of a checkpoint. Buffers that no state dict would have are left out.
// Thread-safe, like all here.
CompatSide SideOf(const Catalog& catalog);

// A manifest: JSON of names, dtypes (PyTorch's names) and shapes, which a
// program can write of a module that it has, and people can write by hand:
//
//   {"schema": "hoist.manifest/1",
//    "tensors": [{"name": "fc.weight", "dtype": "float32", "shape": [10, 4]}]}
//
// "same_as" is the name of another tensor that is the same one; an entry
// without dtype and shape is a part of a state dict that is no tensor.
std::string ModelManifestText(const CompatSide& side);

// Whether a file that starts with `head` is a manifest.
bool IsModelManifest(absl::string_view head);

// kInvalidArgument, with the entry, for what is no such JSON, another schema, a
// dtype that there is not, a negative size, a name that is there twice.
absl::StatusOr<CompatSide> ParseModelManifest(absl::string_view text);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_COMPAT_SIDE_H_
