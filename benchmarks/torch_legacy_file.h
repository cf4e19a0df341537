#ifndef HOIST_BENCHMARKS_TORCH_LEGACY_FILE_H_
#define HOIST_BENCHMARKS_TORCH_LEGACY_FILE_H_

#include <string>

namespace hoist {

// Parts of the files that torch.save wrote before 1.6.

// What stands before the storages, whose keys are "0", "1" and so on: `state`
// is the whole pickle of what was saved.
std::string TorchLegacyHead(const std::string& state, int storages);

// A storage of float32 with the bytes `data`; they stand in the order of keys.
std::string TorchLegacyStorage(const std::string& data);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_TORCH_LEGACY_FILE_H_
