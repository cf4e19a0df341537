#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_SCRIPT_NAMES_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_SCRIPT_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/torch_script/script_classes.h"
#include "hoist/checkpoint/pickle/tensor_names.h"

namespace hoist {

struct ScriptTensors {
  std::vector<TensorEntry> tensors;
  std::vector<std::string> warnings;
};

// Names the tensors of a TorchScript module. First what the state_dict() of the
// loaded module has, in its order: of each module its parameters, its buffers,
// and then its submodules'. Then, as not persistent, the tensors in all other
// attributes by their paths, and those of `constants`, a tuple, as
// "CONSTANTS.c0". What is what the classes say; of a module without a class,
// tensors are parameters if they require grad, and buffers if not.
//
// The kTensor values index `unnamed`; afterwards each is the index of the first
// entry for it in the result, or -1 if it has none. kResourceExhausted where
// `limits` are exceeded. Blocks on `classes`. Thread-compatible.
absl::StatusOr<ScriptTensors> NameScriptTensors(
    ValueGraph& graph, ValueId root, ValueId constants,
    const std::vector<TensorEntry>& unnamed, ScriptClasses& classes,
    const NamingLimits& limits = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_SCRIPT_NAMES_H_
