#include "hoist/core/tensor/ops/byte_planes.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_plane_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

absl::Status CheckBytePlaneWidth(int element_bytes) {
  if (element_bytes != 2 && element_bytes != 4 && element_bytes != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("Elements of ", element_bytes,
                     " bytes are not joined from planes: 2, 4 and 8 are"));
  }
  return absl::OkStatus();
}

absl::Status JoinBytePlanes(absl::Span<const uint8_t> planes, int element_bytes,
                            absl::Span<uint8_t> elements) {
  HOIST_RETURN_IF_ERROR(CheckBytePlaneWidth(element_bytes));
  if (planes.size() != elements.size() || planes.size() % element_bytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        planes.size(), " bytes of planes are not those of elements of ",
        element_bytes, " bytes, ", elements.size(), " in all"));
  }
  const size_t count = planes.size() / element_bytes;
  HOIST_FOR_CPU_LEVEL(BytePlaneLoop)
  (planes.data(), elements.data(), count, element_bytes);
  return absl::OkStatus();
}

}  // namespace hoist
