#ifndef HOIST_TOOLS_UI_OPAQUE_OBJECTS_H_
#define HOIST_TOOLS_UI_OPAQUE_OBJECTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// An object of a class that Hoist does not know, which it keeps as data.
struct OpaqueObject {
  // The keys from the root joined with ".", as in a tensor's name.
  std::string path;
  std::string class_name;
};

struct OpaqueObjects {
  std::vector<OpaqueObject> objects;
  // The paths would take more than the limit: the rest is left out.
  bool is_truncated = false;
};

// All of them that `root` reaches, depth first, each once, at the first place
// it is found; also those inside each other, in keys and in attributes.
// Thread-safe.
OpaqueObjects FindOpaqueObjects(Value root,
                                size_t max_path_bytes = size_t{64} << 20);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_OPAQUE_OBJECTS_H_
