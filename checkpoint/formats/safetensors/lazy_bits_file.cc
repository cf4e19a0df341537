#include "hoist/checkpoint/formats/safetensors/lazy_bits_file.h"

#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::Status LazyBitsFile::ReadAt(uint64_t offset,
                                  absl::Span<uint8_t> out) const {
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

}  // namespace hoist
