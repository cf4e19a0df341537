#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/crc32c.h"

namespace hoist {

absl::Status Crc32cOnDevice(int, const uint8_t* data, size_t size_bytes,
                            uint32_t* crc, CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckAligned(crc, sizeof(*crc)));
  *crc = Crc32c(absl::MakeSpan(data, size_bytes));
  return absl::OkStatus();
}

}  // namespace hoist
