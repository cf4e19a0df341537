#ifndef HOIST_CHECKPOINT_PICKLE_OBJECT_ARGUMENTS_H_
#define HOIST_CHECKPOINT_PICKLE_OBJECT_ARGUMENTS_H_

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// What an opaque object's arguments end with may be none: the keywords that its
// class's __new__ was called with (pickle's NEWOBJ_EX), and behind them what
// was added to it when it was there (APPENDS, SETITEMS). These are lists and
// dicts of their own, which no other value has, and is_new() tells them from
// arguments. Thread-safe.

inline bool IsKeywords(Value argument) {
  return argument.kind() == ValueKind::kDict && argument.is_new() &&
         argument.type().kind() == ValueKind::kNone;
}

inline bool IsAddedItems(Value argument) {
  return argument.kind() == ValueKind::kList && argument.is_new();
}

// A dict with a type.
inline bool IsAddedEntries(Value argument) {
  return argument.kind() == ValueKind::kDict && argument.is_new() &&
         argument.type().kind() == ValueKind::kClass;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_OBJECT_ARGUMENTS_H_
