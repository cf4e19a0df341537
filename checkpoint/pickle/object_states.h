#ifndef HOIST_CHECKPOINT_PICKLE_OBJECT_STATES_H_
#define HOIST_CHECKPOINT_PICKLE_OBJECT_STATES_H_

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// States for objects that PyTorch pickles by position: dicts with the names
// that their parts have as attributes, under which tensors are listed. Time and
// memory are bounded whatever they are given. Thread-safe for different graphs.

// Of a quantized tensor, from (scheme, scale, zero point) or (scheme, scales,
// zero points, axis): qscheme, scale, zero_point or qscheme, scales,
// zero_points, axis. The quantizer itself if it is neither.
ValueId QuantizerState(ValueGraph& graph, Value quantizer);

// Of a tensor that is made of `parts` and was given `attributes`: one dict of
// both, or a tuple of the two where they are not both dicts, or these not
// short, or a name is that of different values in them.
ValueId JoinedState(ValueGraph& graph, ValueId parts, ValueId attributes);

// Of what torch.compile() made of `module`: a module with that as its only
// layer, "_orig_mod".
ValueId CompiledModuleState(ValueGraph& graph, ValueId module);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_OBJECT_STATES_H_
