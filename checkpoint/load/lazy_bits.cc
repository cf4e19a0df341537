#include "hoist/checkpoint/load/lazy_bits.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Flips the sign bit, the highest of `width_bytes`, of every `step_bytes`.
void FlipSigns(absl::Span<uint8_t> bytes, int width_bytes, int step_bytes) {
  for (size_t i = static_cast<size_t>(width_bytes) - 1; i < bytes.size();
       i += static_cast<size_t>(step_bytes)) {
    bytes[i] ^= 0x80;
  }
}

// Two's complement of every integer of `width_bytes`, little-endian.
void NegateIntegers(absl::Span<uint8_t> bytes, int width_bytes) {
  const auto width = static_cast<size_t>(width_bytes);
  for (size_t i = 0; i + width <= bytes.size(); i += width) {
    unsigned carry = 1;
    for (size_t j = i; j < i + width; ++j) {
      carry += static_cast<uint8_t>(~bytes[j]);
      bytes[j] = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
  }
}

}  // namespace

absl::StatusOr<Tensor> ResolveLazyBits(const Tensor& tensor, bool conjugate,
                                       bool negative) {
  const DType dtype = tensor.dtype();
  const bool is_integer = dtype == DType::kUint8 || dtype == DType::kInt8 ||
                          dtype == DType::kInt16 || dtype == DType::kInt32 ||
                          dtype == DType::kInt64;
  const bool can_negate = is_integer || IsComplex(dtype) ||
                          (IsFloatingPoint(dtype) && DTypeBits(dtype) >= 16);
  if ((conjugate && !IsComplex(dtype)) || (negative && !can_negate)) {
    return absl::UnimplementedError(
        absl::StrCat("elements of ", DTypeName(dtype), " that are ",
                     conjugate ? "conjugated" : "negated", " lazily"));
  }
  HOIST_ASSIGN_OR_RETURN(TensorSpec spec,
                         ContiguousSpec(dtype, tensor.shape()));
  HOIST_ASSIGN_OR_RETURN(
      std::shared_ptr<Buffer> buffer,
      Buffer::Allocate(static_cast<size_t>(tensor.size_bytes())));
  uint8_t* to = static_cast<uint8_t*>(buffer->data());
  ForEachContiguousRun(tensor, [&to](absl::Span<const uint8_t> run) {
    to = std::copy(run.begin(), run.end(), to);
  });
  // All in bits, so that no NaN changes.
  const absl::Span<uint8_t> bytes = buffer->host_bytes();
  const int part = DTypeSwapBytes(dtype);
  if (negative && is_integer) {
    NegateIntegers(bytes, part);
  } else if (negative) {
    FlipSigns(bytes, part, part);
  }
  if (conjugate) {
    FlipSigns(bytes.subspan(std::min<size_t>(bytes.size(), part)), part,
              2 * part);
  }
  return Tensor::Create(std::move(spec), std::move(buffer), 0);
}

}  // namespace hoist
