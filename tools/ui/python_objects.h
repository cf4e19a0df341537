#ifndef HOIST_TOOLS_UI_PYTHON_OBJECTS_H_
#define HOIST_TOOLS_UI_PYTHON_OBJECTS_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// How Python shows a part of an object.
using ReprFunction = absl::FunctionRef<std::string(Value)>;

// An object of a class of Python's own library, of PyTorch's or of numpy's, as
// Python's repr() shows it ("datetime.date(2024, 1, 2)", "device(type='cpu')"),
// from what was pickled of it (spec: pytorch-formats.md 3.5, 3.7, 3.8;
// CPython's Lib/_pydatetime.py). nullopt for another class, and for what such a
// class is not pickled with. `repr` is called for what is inside of it.
// Thread-safe.
std::optional<std::string> PythonObjectRepr(Value object, ReprFunction repr);

// A name in a pickle: PyTorch's dtypes, layouts and the like show themselves,
// all others are classes here.
std::string ClassRepr(absl::string_view name);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PYTHON_OBJECTS_H_
