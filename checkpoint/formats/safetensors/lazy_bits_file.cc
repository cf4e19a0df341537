#include "hoist/checkpoint/formats/safetensors/lazy_bits_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

bool IsNegatableInteger(DType dtype) {
  return dtype == DType::kUint8 || dtype == DType::kInt8 ||
         dtype == DType::kInt16 || dtype == DType::kInt32 ||
         dtype == DType::kInt64;
}

bool IsSigned(DType dtype) {
  return IsComplex(dtype) || (IsFloatingPoint(dtype) && DTypeBits(dtype) >= 16);
}

// Two's complement of every integer of `width` bytes, little-endian; the last
// may be cut off.
void Negate(absl::Span<uint8_t> bytes, uint64_t width) {
  for (uint64_t i = 0; i < bytes.size(); i += width) {
    unsigned carry = 1;
    const uint64_t end = std::min<uint64_t>(i + width, bytes.size());
    for (uint64_t j = i; j < end; ++j) {
      carry += static_cast<uint8_t>(~bytes[j]);
      bytes[j] = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const LazyBitsFile>> LazyBitsFile::Create(
    std::shared_ptr<const RandomAccessFile> elements, DType dtype,
    bool conjugate, bool negative) {
  const bool can_negate = IsSigned(dtype) || IsNegatableInteger(dtype);
  if ((conjugate && !IsComplex(dtype)) || (negative && !can_negate)) {
    return WithHint(
        absl::UnimplementedError(absl::StrCat(
            "it is ", conjugate ? "conjugated" : "negated",
            " lazily, which PyTorch cannot carry out for ", DTypeName(dtype))),
        "Leave it out, or write a format that keeps it as it is: torch or "
        "native");
  }
  return std::shared_ptr<const LazyBitsFile>(
      new LazyBitsFile(std::move(elements), dtype, conjugate, negative));
}

LazyBitsFile::LazyBitsFile(std::shared_ptr<const RandomAccessFile> elements,
                           DType dtype, bool conjugate, bool negative)
    : elements_(std::move(elements)),
      part_bytes_(static_cast<uint64_t>(DTypeSwapBytes(dtype))),
      element_bytes_(static_cast<uint64_t>(DTypeBits(dtype)) / 8),
      is_integer_(IsNegatableInteger(dtype)),
      flips_first_(negative),
      flips_last_(negative != conjugate) {}

absl::Status LazyBitsFile::ReadAt(uint64_t offset,
                                  absl::Span<uint8_t> out) const {
  if (is_integer_) {
    return ReadNegated(offset, out);
  }
  HOIST_RETURN_IF_ERROR(elements_->ReadAt(offset, out));
  // The sign is the highest bit of the last byte of each part.
  const uint64_t first = part_bytes_ - 1 - offset % part_bytes_;
  for (uint64_t i = first; i < out.size(); i += part_bytes_) {
    const bool is_last = (offset + i + 1) % element_bytes_ == 0;
    if (is_last ? flips_last_ : flips_first_) {
      out[i] ^= 0x80;
    }
  }
  return absl::OkStatus();
}

// What a byte becomes depends on those below it in its element.
absl::Status LazyBitsFile::ReadNegated(uint64_t offset,
                                       absl::Span<uint8_t> out) const {
  const uint64_t lead = offset % element_bytes_;
  if (lead > 0) {
    const uint64_t head_bytes =
        std::min<uint64_t>(element_bytes_ - lead, out.size());
    std::vector<uint8_t> head(lead + head_bytes);
    HOIST_RETURN_IF_ERROR(
        elements_->ReadAt(offset - lead, absl::MakeSpan(head)));
    Negate(absl::MakeSpan(head), element_bytes_);
    std::copy(head.begin() + static_cast<int64_t>(lead), head.end(),
              out.begin());
    offset += head_bytes;
    out.remove_prefix(head_bytes);
  }
  HOIST_RETURN_IF_ERROR(elements_->ReadAt(offset, out));
  Negate(out, element_bytes_);
  return absl::OkStatus();
}

}  // namespace hoist
