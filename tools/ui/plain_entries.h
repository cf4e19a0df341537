#ifndef HOIST_TOOLS_UI_PLAIN_ENTRIES_H_
#define HOIST_TOOLS_UI_PLAIN_ENTRIES_H_

#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What a checkpoint holds besides tensors, and where.
struct PlainEntry {
  // The keys from the root joined with ".", as in a tensor's name; "" for the
  // root itself.
  std::string name;
  // As Python's print() shows it: on one line, but for a whole module.
  std::string text;
};

// All values of `catalog` that have no tensors in them, as far up as that
// holds: of {"model": {…}, "epoch": 3, "sizes": [1, 2]} the two last. Both
// parts are safe to show. In the order of the file; what is at several places
// is at the first. Names that take more than 64 MiB together end the list.
// Thread-safe.
std::vector<PlainEntry> PlainEntries(const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_PLAIN_ENTRIES_H_
