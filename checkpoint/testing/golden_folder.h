#ifndef HOIST_CHECKPOINT_TESTING_GOLDEN_FOLDER_H_
#define HOIST_CHECKPOINT_TESTING_GOLDEN_FOLDER_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/state_dict.h"

namespace hoist {

// Checkpoints of several files that the real libraries wrote below
// checkpoint/testdata, each with NAME.expected.json beside it: what these say
// is in it. Paths are relative to the tests' working directory, and sorted.
// Only those that the test has as its data.
std::vector<std::string> GoldenFolders();

// Makes it a failure of the running test if `elements`, those of each tensor of
// `catalog` one after the other, are not those that the library has, bit for
// bit and of all tensors.
void ExpectElementsOfLibrary(const std::string& folder, const Catalog& catalog,
                             absl::Span<const std::string> elements);

// The same of tensors that were loaded, with their dtypes and shapes.
void ExpectTensorsOfLibrary(const std::string& folder,
                            const StateDict& tensors);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_TESTING_GOLDEN_FOLDER_H_
