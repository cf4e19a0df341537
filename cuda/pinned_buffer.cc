#include "hoist/cuda/pinned_buffer.h"

#include <cuda_runtime_api.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/numa.h"
#include "hoist/cuda/scoped_device.h"

namespace hoist {
namespace {

constexpr size_t kAlignment = PinnedBuffer::kAlignmentBytes;

size_t MappedSize(size_t size_bytes) {
  return (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Maps `size` bytes, a multiple of kAlignment, at a multiple of kAlignment.
absl::StatusOr<uint8_t*> MapAligned(size_t size) {
  void* const mapping = mmap(nullptr, size + kAlignment, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    return ErrnoStatus(errno, absl::StrCat("Mapping ", size, " bytes"));
  }
  auto* const begin = static_cast<uint8_t*>(mapping);
  const size_t before =
      (kAlignment - reinterpret_cast<uintptr_t>(begin) % kAlignment) %
      kAlignment;
  if (before > 0) {
    munmap(begin, before);
  }
  munmap(begin + before + size, kAlignment - before);
  return begin + before;
}

void TouchPages(uint8_t* data, size_t size) {
  const auto page_size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (size_t offset = 0; offset < size; offset += page_size) {
    *const_cast<volatile uint8_t*>(data + offset) = 0;
  }
}

// Makes every page real now: registration would fault them in one by one. Huge
// pages are a wish, which the system may not grant.
void Touch(uint8_t* data, size_t size, ThreadPool* threads) {
  madvise(data, size, MADV_HUGEPAGE);
  if (threads == nullptr) {
    TouchPages(data, size);
    return;
  }
  ParallelFor(*threads, static_cast<int64_t>(size / kAlignment),
              [data](int64_t index) {
                TouchPages(data + index * kAlignment, kAlignment);
                return absl::OkStatus();
              })
      .IgnoreError();
}

int NumaNodeOf(int device) {
  char bus_id[32] = {};
  if (cudaDeviceGetPCIBusId(bus_id, sizeof(bus_id), device) != cudaSuccess) {
    cudaGetLastError();
    return -1;
  }
  return NumaNodeOfPciDevice(bus_id);
}

}  // namespace

absl::StatusOr<PinnedBuffer> PinnedBuffer::Allocate(int device,
                                                    size_t size_bytes,
                                                    ThreadPool* threads) {
  if (size_bytes == 0 ||
      size_bytes > std::numeric_limits<size_t>::max() - 2 * kAlignment) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Pinned memory of ", size_bytes, " bytes is not possible"));
  }
  ScopedDevice scope(device);
  HOIST_RETURN_IF_ERROR(scope.status());
  const size_t mapped = MappedSize(size_bytes);
  HOIST_ASSIGN_OR_RETURN(uint8_t* const data, MapAligned(mapped));
  absl::Cleanup unmap = [&] { munmap(data, mapped); };
  // After a fork, a write here would move the page to another place, and the
  // device would go on to read the old one. So no child shares these pages.
  if (madvise(data, mapped, MADV_DONTFORK) != 0) {
    return ErrnoStatus(errno, "Keeping pinned memory out of child processes");
  }
  PreferNumaNode(data, mapped, NumaNodeOf(device));
  Touch(data, mapped, threads);
  HOIST_RETURN_IF_ERROR(
      ToStatus(cudaHostRegister(data, mapped, cudaHostRegisterPortable),
               absl::StrCat("Pinning ", mapped, " bytes of host memory")));
  std::move(unmap).Cancel();
  return PinnedBuffer(device, data, size_bytes);
}

void PinnedBuffer::Free() noexcept {
  if (data_ == nullptr) {
    return;
  }
  ScopedDevice scope(device_);
  if (cudaHostUnregister(data_) != cudaSuccess) {
    cudaGetLastError();
  }
  munmap(data_, MappedSize(size_bytes_));
  data_ = nullptr;
  size_bytes_ = 0;
}

}  // namespace hoist
