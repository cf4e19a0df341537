#include "hoist/checkpoint/pickle/object_parts.h"

#include <string>

#include "hoist/checkpoint/pickle/bytes_parts.h"
#include "hoist/checkpoint/pickle/object_arguments.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

bool HasType(Value value) { return value.type().kind() == ValueKind::kClass; }

void AddState(Value value, PickleParts& parts) {
  if (value.state().kind() != ValueKind::kNone) {
    parts.Value(value.state().id());
    parts.Op('b');
  }
}

// Makes an object of what is on the stack: a class and a tuple.
void Make(Value value, PickleParts& parts) {
  parts.Op(value.is_new() ? '\x81' : 'R');
}

void AddTuple(Value value, PickleParts& parts) {
  const bool is_size = value.ClassName() == "torch.Size";
  if (is_size) {
    parts.Class("torch", "Size");
  } else if (HasType(value)) {
    parts.Type(value.type().id());
  }
  parts.BeginTuple(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    parts.Value(value[i].id());
  }
  parts.EndTuple(value.size());
  if (is_size) {
    parts.EndTuple(1);
    parts.Call();
  } else if (HasType(value)) {
    Make(value, parts);
  }
  parts.Put();
}

void AddList(Value value, PickleParts& parts) {
  if (!HasType(value)) {
    parts.Op(']');
    parts.Put();
    parts.ItemsOf(value.id());
    return;
  }
  parts.Type(value.type().id());
  const Value state = value.state();
  const bool has_bound = value.ClassName() == "collections.deque" &&
                         state.kind() == ValueKind::kInt;
  if (has_bound) {
    parts.EndTuple(0);
    parts.Value(state.id());
    parts.EndTuple(2);
  } else {
    parts.EndTuple(0);
  }
  Make(value, parts);
  parts.Put();
  parts.ItemsOf(value.id());
  if (!has_bound) {
    AddState(value, parts);
  }
}

void AddDict(Value value, PickleParts& parts) {
  if (!HasType(value)) {
    parts.Op('}');
    parts.Put();
    parts.EntriesOf(value.id());
    return;
  }
  parts.Type(value.type().id());
  const Value state = value.state();
  // What makes the missing items of a defaultdict.
  const bool has_factory = value.ClassName() == "collections.defaultdict" &&
                           state.kind() != ValueKind::kDict &&
                           state.kind() != ValueKind::kTuple &&
                           state.kind() != ValueKind::kNone;
  if (has_factory) {
    parts.Value(state.id());
    parts.EndTuple(1);
  } else {
    parts.EndTuple(0);
  }
  Make(value, parts);
  parts.Put();
  parts.EntriesOf(value.id());
  if (!has_factory) {
    AddState(value, parts);
  }
}

void AddSet(Value value, PickleParts& parts) {
  if (HasType(value)) {
    parts.Type(value.type().id());
  } else {
    parts.Class("builtins", "set");
  }
  parts.Op(']');
  parts.ItemsOf(value.id());
  parts.EndTuple(1);
  parts.Call();
  parts.Put();
  AddState(value, parts);
}

void AddBytesValue(Value value, PickleParts& parts) {
  const bool is_array = value.ClassName() == "bytearray";
  if (is_array) {
    parts.Class("builtins", "bytearray");
  }
  AddBytes(value.AsString(), parts);
  if (is_array) {
    parts.EndTuple(1);
    parts.Call();
  }
  parts.Put();
}

void AddComplex(Value value, PickleParts& parts) {
  parts.Class("builtins", "complex");
  parts.Float(value.AsComplex().real());
  parts.Float(value.AsComplex().imag());
  parts.EndTuple(2);
  parts.Call();
  parts.Put();
}

bool IsArgument(Value value) {
  return !IsKeywords(value) && !IsAddedItems(value) && !IsAddedEntries(value);
}

void AddOpaque(Value value, PickleParts& parts) {
  size_t first = 0;
  if (HasType(value)) {
    parts.Type(value.type().id());
  } else if (value.size() > 0) {
    // What was called is itself the result of a call.
    parts.Value(value[0].id());
    first = 1;
  } else {
    parts.Class("builtins", "object");
  }
  size_t end = first;
  while (end < value.size() && IsArgument(value[end])) {
    ++end;
  }
  parts.BeginTuple(end - first);
  for (size_t i = first; i < end; ++i) {
    parts.Value(value[i].id());
  }
  parts.EndTuple(end - first);
  if (end < value.size() && IsKeywords(value[end])) {
    parts.Value(value[end].id());
    parts.Op(kNewObjEx);
    ++end;
  } else {
    Make(value, parts);
  }
  parts.Put();
  for (size_t i = end; i < value.size(); ++i) {
    if (IsAddedItems(value[i])) {
      parts.ItemsOf(value[i].id());
    } else if (IsAddedEntries(value[i])) {
      parts.EntriesOf(value[i].id());
    }
  }
  // Its state is CompiledModuleState(), and in no file.
  if (value.ClassName() != "torch._dynamo.eval_frame.OptimizedModule") {
    AddState(value, parts);
  }
}

}  // namespace

void AddObject(Value value, PickleParts& parts) {
  switch (value.kind()) {
    case ValueKind::kTuple:
      return AddTuple(value, parts);
    case ValueKind::kList:
      return AddList(value, parts);
    case ValueKind::kDict:
      return AddDict(value, parts);
    case ValueKind::kSet:
      return AddSet(value, parts);
    case ValueKind::kBytes:
      return AddBytesValue(value, parts);
    case ValueKind::kComplex:
      return AddComplex(value, parts);
    case ValueKind::kOpaque:
      return AddOpaque(value, parts);
    default:
      HOIST_CHECK(false);
  }
}

}  // namespace hoist
