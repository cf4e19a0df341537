#include "hoist/core/tensor/ops/cast.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cast_loops.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/element.h"
#include "hoist/core/tensor/ops/stream_copy.h"

namespace hoist {
namespace {

// From so many bytes on, read and written, memory is written past the caches:
// whoever reads it next would find little of it there.
constexpr size_t kStreamedBytes = size_t{16} << 20;
// What is cast at once then, in the nearest cache.
constexpr size_t kBlockElements = 1024;
// So many blocks before they are cast, they are asked of the memory: left to
// itself, a processor asks for too little to keep it busy (measured: 70 to 94 %
// of memcpy's rate, from float32 to bfloat16).
constexpr size_t kAheadBlocks = 4;
constexpr size_t kLineBytes = 64;

void CastStreamed(CastLoop loop, absl::Span<const uint8_t> source,
                  size_t from_bytes, absl::Span<uint8_t> destination,
                  size_t to_bytes) {
  alignas(kLineBytes) std::array<uint8_t, kBlockElements * sizeof(double)>
      block;
  const size_t block_bytes = kBlockElements * from_bytes;
  const size_t count = source.size() / from_bytes;
  for (size_t done = 0; done < count; done += kBlockElements) {
    // Not in a function of its own: GCC 12 drops calls of one that does nothing
    // else.
    const size_t ahead = done * from_bytes + kAheadBlocks * block_bytes;
    const size_t ahead_end = std::min(ahead + block_bytes, source.size());
    for (size_t at = ahead; at < ahead_end; at += kLineBytes) {
      __builtin_prefetch(source.data() + at, /*rw=*/0, /*locality=*/2);
    }
    const size_t size = std::min(kBlockElements, count - done);
    loop(source.data() + done * from_bytes, block.data(), size);
    StreamCopy(block.data(), destination.data() + done * to_bytes,
               size * to_bytes);
  }
  StreamFence();
}

}  // namespace

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
    if (source.size() + destination.size() < kStreamedBytes) {
      loop(source.data(), destination.data(), count);
    } else {
      CastStreamed(loop, source, from_bytes, destination, to_bytes);
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
