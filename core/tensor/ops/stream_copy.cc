#include "hoist/core/tensor/ops/stream_copy.h"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hoist {

#if defined(__SSE2__)

void StreamCopy(const uint8_t* source, uint8_t* destination,
                size_t size_bytes) {
  constexpr size_t kLineBytes = 64;
  const size_t misaligned =
      reinterpret_cast<uintptr_t>(destination) % kLineBytes;
  const size_t head =
      misaligned == 0 ? 0 : std::min(kLineBytes - misaligned, size_bytes);
  std::memcpy(destination, source, head);
  size_t at = head;
  for (; size_bytes - at >= kLineBytes; at += kLineBytes) {
    for (size_t i = 0; i < kLineBytes; i += sizeof(__m128i)) {
      _mm_stream_si128(
          reinterpret_cast<__m128i*>(destination + at + i),
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + at + i)));
    }
  }
  std::memcpy(destination + at, source + at, size_bytes - at);
}

void StreamFence() { _mm_sfence(); }

#else

void StreamCopy(const uint8_t* source, uint8_t* destination,
                size_t size_bytes) {
  std::memcpy(destination, source, size_bytes);
}

void StreamFence() {}

#endif

}  // namespace hoist
