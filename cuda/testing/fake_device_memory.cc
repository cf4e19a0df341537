#include "hoist/cuda/testing/fake_device_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace hoist {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

FakeDeviceMemory::~FakeDeviceMemory() {
  for (const auto& [address, allocation] : allocations_) {
    Unmap(address, allocation);
  }
  for (const auto& [begin, mapped] : freed_) {
    munmap(reinterpret_cast<void*>(begin), mapped);
  }
}

void* FakeDeviceMemory::Allocate(int device, size_t size) {
  const size_t mapped = (kAlignmentBytes + size + kPage - 1) / kPage * kPage;
  const int fd = memfd_create("hoist_fake_device_memory", MFD_CLOEXEC);
  if (fd < 0) {
    return nullptr;
  }
  if (ftruncate(fd, static_cast<off_t>(mapped)) != 0) {
    close(fd);
    return nullptr;
  }
  void* const alias =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void* const guarded = mmap(nullptr, mapped, PROT_NONE, MAP_SHARED, fd, 0);
  close(fd);
  if (alias == MAP_FAILED || guarded == MAP_FAILED) {
    for (void* const mapping : {alias, guarded}) {
      if (mapping != MAP_FAILED) {
        munmap(mapping, mapped);
      }
    }
    return nullptr;
  }
  std::memset(alias, kPoison, mapped);
  const uintptr_t address =
      reinterpret_cast<uintptr_t>(guarded) + kAlignmentBytes;
  allocations_[address] = {device, size, mapped,
                           static_cast<uint8_t*>(alias) + kAlignmentBytes};
  return reinterpret_cast<void*>(address);
}

bool FakeDeviceMemory::Free(void* data) {
  const auto found = allocations_.find(reinterpret_cast<uintptr_t>(data));
  if (found == allocations_.end()) {
    return false;
  }
  const Allocation allocation = found->second;
  const uintptr_t begin = found->first - kAlignmentBytes;
  Unmap(found->first, allocation);
  allocations_.erase(found);
  mmap(reinterpret_cast<void*>(begin), allocation.mapped, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  freed_[begin] = allocation.mapped;
  return true;
}

FakeDeviceMemory::Range FakeDeviceMemory::Find(const void* data,
                                               size_t size) const {
  const auto address = reinterpret_cast<uintptr_t>(data);
  auto found = allocations_.upper_bound(address);
  if (found == allocations_.begin()) {
    return {};
  }
  --found;
  const size_t offset = address - found->first;
  const Allocation& allocation = found->second;
  if (offset > allocation.size || size > allocation.size - offset) {
    return {};
  }
  return {allocation.alias + offset, allocation.device};
}

size_t FakeDeviceMemory::SizeOf(const void* data) const {
  const auto found = allocations_.find(reinterpret_cast<uintptr_t>(data));
  return found == allocations_.end() ? 0 : found->second.size;
}

size_t FakeDeviceMemory::used_bytes(int device) const {
  size_t sum = 0;
  for (const auto& [address, allocation] : allocations_) {
    sum += allocation.device == device ? allocation.size : 0;
  }
  return sum;
}

void FakeDeviceMemory::Unmap(uintptr_t address, const Allocation& allocation) {
  munmap(allocation.alias - kAlignmentBytes, allocation.mapped);
  munmap(reinterpret_cast<void*>(address - kAlignmentBytes), allocation.mapped);
}

}  // namespace hoist
