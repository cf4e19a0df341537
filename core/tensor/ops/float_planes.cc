#include "hoist/core/tensor/ops/float_planes.h"

#include "hoist/core/base/check.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/float_plane_loops.h"

namespace hoist {
namespace {

// How many floats of so many planes take `bytes`.
size_t CheckedCount(size_t bytes, size_t planes) {
  HOIST_CHECK(planes == 2 || planes == 4 || planes == 8);
  HOIST_CHECK(bytes % planes == 0);
  return bytes / planes;
}

}  // namespace

void SplitFloatPlanes(absl::Span<const uint8_t> floats,
                      absl::Span<uint8_t* const> planes) {
  const size_t count = CheckedCount(floats.size(), planes.size());
  HOIST_FOR_CPU_LEVEL(SplitFloatPlaneLoop)
  (floats.data(), planes.data(), count, static_cast<int>(planes.size()));
}

void JoinFloatPlanes(absl::Span<const uint8_t* const> planes,
                     absl::Span<uint8_t> floats) {
  const size_t count = CheckedCount(floats.size(), planes.size());
  HOIST_FOR_CPU_LEVEL(JoinFloatPlaneLoop)
  (planes.data(), floats.data(), count, static_cast<int>(planes.size()));
}

}  // namespace hoist
