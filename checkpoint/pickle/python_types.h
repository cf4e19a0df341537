#ifndef HOIST_CHECKPOINT_PICKLE_PYTHON_TYPES_H_
#define HOIST_CHECKPOINT_PICKLE_PYTHON_TYPES_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// What Python's own callables make of their arguments: OrderedDict,
// defaultdict, Counter, deque, set, frozenset, complex, bytes, bytearray, and
// the calls that stand for bytes and nested classes (spec:
// pytorch-formats.md 3.7). nullopt for all others, and for arguments that they
// are not pickled with. Thread-safe.
absl::StatusOr<std::optional<ValueId>> CallPythonType(
    ValueGraph& graph, absl::string_view callable,
    absl::Span<const ValueId> arguments);

// Python 3's name for a module or global that Python 2's pickles spell
// otherwise, as "builtins.range" for ("__builtin__", "xrange"); as protocols 0
// to 2 do. And PyTorch's own for its memory formats, which protocols 4 and 5
// have as attributes of whichever of its modules Python has found first:
// ("torch._utils", "torch.channels_last").
std::pair<absl::string_view, absl::string_view> Python3Name(
    absl::string_view module, absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_PYTHON_TYPES_H_
