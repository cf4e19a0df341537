#ifndef HOIST_CHECKPOINT_PICKLE_COMPOSITE_TENSORS_H_
#define HOIST_CHECKPOINT_PICKLE_COMPOSITE_TENSORS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// Tensors of PyTorch's that are made of other tensors (spec: pytorch-formats.md
// 3.6, functions 7, 8 and 12) become opaque values of the class that makes
// them, with their parts as attributes, under which these are listed:
//
//   torch.sparse_coo_tensor          indices values
//   torch.sparse_csr_tensor, _bsr_   crow_indices col_indices values
//   torch.sparse_csc_tensor, _bsc_   ccol_indices row_indices values
//   torch.nested.nested_tensor       buffer sizes strides storage_offsets
//   NestedTensor (of jagged layout)  _values _offsets _lengths, and the cache
//
// A wrapper subclass (DTensor) is one of that class, whose attributes are in
// the state that the pickle gives it afterwards. Also gives the names of
// layouts. nullopt for any other callable, and for arguments that PyTorch does
// not call it with. Thread-safe.
std::optional<ValueId> MakeCompositeTensor(ValueGraph& graph,
                                           absl::string_view callable,
                                           absl::Span<const ValueId> arguments);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_COMPOSITE_TENSORS_H_
