#ifndef HOIST_CHECKPOINT_TESTING_SMALL_CHECKPOINT_H_
#define HOIST_CHECKPOINT_TESTING_SMALL_CHECKPOINT_H_

#include <cstdint>

#include "hoist/checkpoint/write/catalog_of_tensors.h"

namespace hoist {

// Of every tensor of SmallCheckpoint().
inline constexpr uint64_t kSmallTensorBytes = 8192;

// A checkpoint in memory for tests that write it thousands of times: five
// tensors of the same size, of which some can be compressed, one that is tied
// to the first, and a number. Its bytes are others for every seed. Ends the
// program without memory. Thread-safe.
TensorCatalog SmallCheckpoint(uint32_t seed);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_TESTING_SMALL_CHECKPOINT_H_
