#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c_element.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/crc32c.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

// What one thread sums before it moves its sum to its place.
constexpr size_t kChunkBytes = 4096;
constexpr int kTableSize = 256;
static_assert(kTableSize == kThreadsPerBlock);

__global__ void StoreCrc(uint32_t* crc, uint32_t value) { *crc = value; }

// Each chunk's CRC, times what the bytes behind it multiply it by: their sum is
// that of the whole.
__global__ void AddChunks(const uint8_t* data, size_t size, uint32_t* crc) {
  __shared__ uint32_t table[kTableSize];
  table[threadIdx.x] = Crc32cOfByte(threadIdx.x);
  __syncthreads();
  const bool is_aligned = reinterpret_cast<uintptr_t>(data) % 8 == 0;
  const size_t chunks = (size - 1) / kChunkBytes + 1;
  for (size_t chunk = FirstElement(); chunk < chunks; chunk += ElementStep()) {
    size_t i = chunk * kChunkBytes;
    const size_t end = size - i < kChunkBytes ? size : i + kChunkBytes;
    uint32_t sum = 0;
    for (; is_aligned && i + 8 <= end; i += 8) {
      uint64_t word = *reinterpret_cast<const uint64_t*>(data + i);
      for (int byte = 0; byte < 8; ++byte) {
        sum = sum >> 8 ^ table[(sum ^ word) & 0xFF];
        word >>= 8;
      }
    }
    for (; i < end; ++i) {
      sum = sum >> 8 ^ table[(sum ^ data[i]) & 0xFF];
    }
    atomicXor(crc, Crc32cMultiply(Crc32cOfZeros(size - end), sum));
  }
}

}  // namespace

absl::Status Crc32cOnDevice(int device, const uint8_t* data, size_t size_bytes,
                            uint32_t* crc, CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckAligned(crc, sizeof(*crc)));
  const std::string what =
      absl::StrCat("Summing ", size_bytes, " bytes (CRC-32C)");
  // The inversions before and after.
  const uint32_t start = ~Crc32cMultiply(Crc32cOfZeros(size_bytes), 0xFFFFFFFF);
  HOIST_RETURN_IF_ERROR(Launch(device, stream, what, 1, &StoreCrc, crc, start));
  const size_t chunks =
      size_bytes / kChunkBytes + (size_bytes % kChunkBytes != 0 ? 1 : 0);
  return Launch(device, stream, what, chunks, &AddChunks, data, size_bytes,
                crc);
}

}  // namespace hoist
