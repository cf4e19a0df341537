#include <cstdint>

#include "absl/types/span.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/cuda/kernels/cast.h"
#include "hoist/cuda/kernels/check_aligned.h"

namespace hoist {

absl::Status CastOnDevice(int, DType from, const void* source, DType to,
                          void* destination, size_t count, CUstream_st*) {
  HOIST_RETURN_IF_ERROR(CheckCast(from, to));
  const size_t from_bytes = DTypeBits(from) / 8;
  const size_t to_bytes = DTypeBits(to) / 8;
  HOIST_RETURN_IF_ERROR(CheckAligned(source, from_bytes));
  HOIST_RETURN_IF_ERROR(CheckAligned(destination, to_bytes));
  return Cast(
      from,
      absl::MakeSpan(static_cast<const uint8_t*>(source), count * from_bytes),
      to, absl::MakeSpan(static_cast<uint8_t*>(destination), count * to_bytes));
}

}  // namespace hoist
