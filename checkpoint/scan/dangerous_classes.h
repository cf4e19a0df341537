#ifndef HOIST_CHECKPOINT_SCAN_DANGEROUS_CLASSES_H_
#define HOIST_CHECKPOINT_SCAN_DANGEROUS_CLASSES_H_

#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// The names that the pickles of a checkpoint import and ClassifyGlobal() calls
// dangerous, with their modules, in the order of the file. Says nothing of
// pickles that were not read for the graph: ScanFile() does. Thread-safe.
std::vector<std::string> DangerousClasses(const ValueGraph& graph);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_DANGEROUS_CLASSES_H_
