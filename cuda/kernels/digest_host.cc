#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/digest.h"

namespace hoist {

absl::Status Digest64OnDevice(int, const uint8_t* data, size_t size_bytes,
                              uint64_t* digest, CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckAligned(digest, sizeof(*digest)));
  *digest = Digest64(absl::MakeSpan(data, size_bytes));
  return absl::OkStatus();
}

}  // namespace hoist
