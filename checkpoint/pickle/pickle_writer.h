#ifndef HOIST_CHECKPOINT_PICKLE_PICKLE_WRITER_H_
#define HOIST_CHECKPOINT_PICKLE_PICKLE_WRITER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/numpy_parts.h"
#include "hoist/checkpoint/pickle/tensor_parts.h"

namespace hoist {

// What a pickle is made of.
struct PickleSource {
  // Its values, from the root on, and its tensors.
  const Catalog& catalog;
  // Of all storages that are tensors' or values', but for those of arrays.
  PickledStorageNames storages;
  // Reads what becomes part of the pickle.
  ElementReader read_array;
};

struct WrittenPickle {
  std::string bytes;
  // What PyTorch's reader of weights alone (weights_only=True) refuses in it,
  // sorted: "argparse.Namespace".
  std::vector<std::string> refused;
  // Tensors that the values have in places where Hoist lists none: None is
  // there.
  int lost_tensors = 0;
};

// Writes the values of a catalog as torch.save does (specs: pytorch-formats.md
// 3): a pickle of protocol 2 that makes the same objects when PyTorch reads it,
// shared ones once, also those that contain themselves. Of what Hoist knows,
// PyTorch 1.6 and later read all with weights_only=True.
//
// Takes time and memory in proportion to the values; never recurses. Errors of
// AddTensor() and of reading arrays; kInvalidArgument for text of 4 GiB and
// more, and for a tuple that is a part of itself by tuples alone, which no
// pickle has. Thread-safe.
absl::StatusOr<WrittenPickle> WritePickle(const PickleSource& source);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_PICKLE_WRITER_H_
