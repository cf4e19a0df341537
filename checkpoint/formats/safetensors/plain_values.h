#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_PLAIN_VALUES_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_PLAIN_VALUES_H_

#include <string>
#include <utility>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What a catalog has besides tensors, for a format that has only text for it.
struct PlainValues {
  // The text, numbers and booleans that are entries of the root, by their keys:
  // "epoch", "3".
  std::vector<std::pair<std::string, std::string>> texts;
  // What else there is, by its place: "optimizer.param_groups.0.lr",
  // "args (argparse.Namespace)".
  std::vector<std::string> others;
};

// Looks at each value once, and not into objects. Thread-safe.
PlainValues FindPlainValues(const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_PLAIN_VALUES_H_
