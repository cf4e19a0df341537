#include "hoist/core/tensor/ops/byte_swap.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

absl::Status CheckByteSwapWidth(int element_bytes) {
  if (element_bytes != 2 && element_bytes != 4 && element_bytes != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("Elements of ", element_bytes,
                     " bytes cannot be byte-swapped: 2, 4 and 8 can"));
  }
  return absl::OkStatus();
}

absl::Status ByteSwap(absl::Span<uint8_t> bytes, int element_bytes) {
  HOIST_RETURN_IF_ERROR(CheckByteSwapWidth(element_bytes));
  if (bytes.size() % element_bytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        bytes.size(), " bytes to swap are no whole number of ", element_bytes));
  }
  const size_t count = bytes.size() / element_bytes;
  HOIST_FOR_CPU_LEVEL(ByteSwapLoop)(bytes.data(), count, element_bytes);
  return absl::OkStatus();
}

}  // namespace hoist
