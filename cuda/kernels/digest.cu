#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/core/tensor/ops/digest_element.h"
#include "hoist/cuda/kernels/check_aligned.h"
#include "hoist/cuda/kernels/digest.h"
#include "hoist/cuda/kernels/launch.h"

namespace hoist {
namespace {

__global__ void StoreDigest(uint64_t* digest, uint64_t value) {
  *digest = value;
}

__device__ uint64_t LoadWord(const uint8_t* data, size_t bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes; ++i) {
    word |= static_cast<uint64_t>(data[i]) << (8 * i);
  }
  return word;
}

__global__ void AddTerms(const uint8_t* data, size_t size, uint64_t* digest) {
  const bool is_aligned = reinterpret_cast<uintptr_t>(data) % 8 == 0;
  const size_t words = (size - 1) / 8 + 1;
  uint64_t sum = 0;
  for (size_t i = FirstElement(); i < words; i += ElementStep()) {
    const size_t left = size - i * 8;
    const uint64_t word = is_aligned && left >= 8
                              ? reinterpret_cast<const uint64_t*>(data)[i]
                              : LoadWord(data + i * 8, left < 8 ? left : 8);
    sum += DigestElement()(word, i);
  }
  for (int lanes = warpSize / 2; lanes > 0; lanes /= 2) {
    sum += __shfl_down_sync(0xFFFFFFFF, sum, lanes);
  }
  if (threadIdx.x % warpSize == 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(digest), sum);
  }
}

}  // namespace

absl::Status Digest64OnDevice(int device, const uint8_t* data,
                              size_t size_bytes, uint64_t* digest,
                              CUstream_st* stream) {
  HOIST_RETURN_IF_ERROR(CheckAligned(digest, sizeof(*digest)));
  const std::string what = absl::StrCat("Digesting ", size_bytes, " bytes");
  HOIST_RETURN_IF_ERROR(Launch(device, stream, what, 1, &StoreDigest, digest,
                               DigestOfTerms(0, size_bytes)));
  const size_t words = size_bytes / 8 + (size_bytes % 8 != 0 ? 1 : 0);
  return Launch(device, stream, what, words, &AddTerms, data, size_bytes,
                digest);
}

}  // namespace hoist
