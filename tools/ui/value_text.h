#ifndef HOIST_TOOLS_UI_VALUE_TEXT_H_
#define HOIST_TOOLS_UI_VALUE_TEXT_H_

#include <cstddef>
#include <string>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// The part that a dict's key gives to a name: the text of a string, else as
// ValueText(). Not safe to show. Thread-safe.
std::string KeyName(Value key);

// A value in a few words, safe to show, within about `max_width` columns:
//   7    "run one"    list(3): 1, 2, 3    dict(2): lr, momentum
//   argparse.Namespace object
// Thread-safe.
std::string ShortValueText(Value value, size_t max_width);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_VALUE_TEXT_H_
