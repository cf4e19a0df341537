#ifndef HOIST_TOOLS_UI_PYTHON_REPR_H_
#define HOIST_TOOLS_UI_PYTHON_REPR_H_

#include <string>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// A value as Python's repr() shows it, on one line: numbers, strings in quotes,
// lists, tuples, dicts, sets; what is deeper or longer than people read is
// "..."; objects are "<class>". Not safe to show. Thread-safe.
std::string PythonRepr(Value value);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PYTHON_REPR_H_
