#ifndef HOIST_CHECKPOINT_PICKLE_OLD_TENSORS_H_
#define HOIST_CHECKPOINT_PICKLE_OLD_TENSORS_H_

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"

namespace hoist {

// Makes tensors of the objects that PyTorch before 0.4 pickled for them (spec:
// pytorch-formats.md 3.6, items 16 and 17): of a torch.FloatTensor with the
// state (storage, offset, size, stride), and of a Parameter or Variable over a
// tensor. They are objects of classes that `vocabulary`, which read `graph`,
// does not know; what they are is told only by their state, which a pickle
// gives after it has made them. Each becomes a kTensor value with an entry in
// vocabulary.tensors(), under its ValueId. Objects of these classes with other
// states stay what they are. Linear in time. kDataLoss for a tensor whose
// numbers are none, or whose class is not its storage's. Thread-compatible.
absl::Status RebuildOldTensors(ValueGraph& graph, TorchVocabulary& vocabulary);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_OLD_TENSORS_H_
