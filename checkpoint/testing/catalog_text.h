#ifndef HOIST_CHECKPOINT_TESTING_CATALOG_TEXT_H_
#define HOIST_CHECKPOINT_TESTING_CATALOG_TEXT_H_

#include <string>

#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// All that a catalog says, as lines of text: equal texts, equal catalogs. Looks
// at every value of the graph once, and at each index before it uses it: one
// that is out of range ends the program. Thread-safe.
std::string CatalogText(const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_TESTING_CATALOG_TEXT_H_
