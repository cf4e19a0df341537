#include "hoist/core/tensor/ops/cast.h"

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cast_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/element.h"

namespace hoist {
bool CanCast(DType from, DType to) {
  return HasElement(from) && HasElement(to);
}

absl::Status CheckCast(DType from, DType to) {
  if (!CanCast(from, to)) {
    return absl::UnimplementedError(absl::StrCat(
        "Elements of ", DTypeName(from), " cannot be cast to ", DTypeName(to)));
  }
  return absl::OkStatus();
}

absl::Status Cast(DType from, absl::Span<const uint8_t> source, DType to,
                  absl::Span<uint8_t> destination) {
  HOIST_RETURN_IF_ERROR(CheckCast(from, to));
  const size_t from_bytes = DTypeBits(from) / 8;
  const size_t to_bytes = DTypeBits(to) / 8;
  const size_t count = source.size() / from_bytes;
  if (source.size() % from_bytes != 0 || destination.size() % to_bytes != 0 ||
      destination.size() / to_bytes != count) {
    return absl::InvalidArgumentError(
        absl::StrCat("A cast from ", source.size(), " bytes of ",
                     DTypeName(from), " to ", destination.size(), " bytes of ",
                     DTypeName(to), " is not of as many elements"));
  }
  if (count == 0) {
    return absl::OkStatus();
  }
  if (from == to) {
    std::memcpy(destination.data(), source.data(), source.size());
  } else {
    const CastLoop loop = HOIST_FOR_CPU_LEVEL(FindCastLoop)(from, to);
    loop(source.data(), destination.data(), count);
  }
  return absl::OkStatus();
}

}  // namespace hoist
