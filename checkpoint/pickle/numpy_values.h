#ifndef HOIST_CHECKPOINT_PICKLE_NUMPY_VALUES_H_
#define HOIST_CHECKPOINT_PICKLE_NUMPY_VALUES_H_

#include "absl/status/status.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"

namespace hoist {

// Makes data of the objects that numpy has pickled (spec: pytorch-formats.md
// 3.7; numpy's array_reduce and arraydescr_reduce): of arrays tensors, each
// with an entry in vocabulary.tensors() under its ValueId, of scalars numbers
// and bytes. Their class remains as the type of the value.
//
// Elements of numbers have the DType of the same width; dates and durations
// are int64; what PyTorch has no dtype for (structures, text, long doubles) is
// bytes, with a last dimension for those of an element. Where the DType does
// not say all of numpy's, nor the byte order, that is the tensor's state.
// Arrays of Python objects stay objects. Tensors that PyTorch before 2.6 pickled as an array
// (of XLA and other devices without storages) are tensors of that device.
//
// An array's bytes are in the pickle: they become storages of `catalog`, in a
// file entry that has their content. Linear in time. kDataLoss for an array
// whose bytes are not as many as its shape takes. Thread-compatible.
absl::Status RebuildNumpyValues(ValueGraph& graph, TorchVocabulary& vocabulary,
                                Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_NUMPY_VALUES_H_
