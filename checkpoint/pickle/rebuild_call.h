#ifndef HOIST_CHECKPOINT_PICKLE_REBUILD_CALL_H_
#define HOIST_CHECKPOINT_PICKLE_REBUILD_CALL_H_

#include <utility>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/pickle/attribute_parts.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"

namespace hoist {

// A function of PyTorch's that makes a tensor, and the tuple that it is called
// with.
struct RebuildCall {
  absl::string_view module = "torch._utils";
  absl::string_view function;
  PickleParts arguments;
};

inline void AddCall(RebuildCall call, PickleParts& parts) {
  parts.Class(call.module, call.function);
  parts.Append(std::move(call.arguments));
  parts.Call();
}

// The call that gives what `call` makes the class that `add_type` adds, and
// attributes.
template <typename AddType>
RebuildCall WithTypeAndAttributes(RebuildCall call, AddType add_type,
                                  const SplitState& state) {
  RebuildCall outer{.module = "torch._tensor",
                    .function = "_rebuild_from_type_v2"};
  PickleParts& arguments = outer.arguments;
  arguments.BeginTuple(4);
  arguments.Class(call.module, call.function);
  add_type(arguments);
  arguments.Append(std::move(call.arguments));
  state.AddAttributes(arguments);
  arguments.EndTuple(4);
  return outer;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_REBUILD_CALL_H_
