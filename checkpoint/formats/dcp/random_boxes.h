#ifndef HOIST_CHECKPOINT_FORMATS_DCP_RANDOM_BOXES_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_RANDOM_BOXES_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "hoist/checkpoint/formats/dcp/tensor_box.h"

namespace hoist {

// Adds to `boxes` what `box` is when it has been cut in two up to `depth`
// times, each half again, along dimensions and at places that are random: for
// tests.
inline void CutAtRandom(const TensorBox& box, int depth, std::mt19937& random,
                        std::vector<TensorBox>& boxes) {
  if (box.sizes.empty()) {
    boxes.push_back(box);
    return;
  }
  const size_t dimension = random() % box.sizes.size();
  if (depth == 0 || box.sizes[dimension] < 2) {
    boxes.push_back(box);
    return;
  }
  TensorBox first = box;
  TensorBox second = box;
  const auto size = static_cast<int64_t>(
      1 + random() % static_cast<uint64_t>(box.sizes[dimension] - 1));
  first.sizes[dimension] = size;
  second.offsets[dimension] += size;
  second.sizes[dimension] -= size;
  CutAtRandom(first, depth - 1, random, boxes);
  CutAtRandom(second, depth - 1, random, boxes);
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_RANDOM_BOXES_H_
