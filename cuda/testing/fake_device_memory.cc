#include "hoist/cuda/testing/fake_device_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace hoist {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

FakeDeviceMemory::~FakeDeviceMemory() {
  for (const auto& [address, allocation] : allocations_) {
    Unmap(allocation.mappings);
  }
  for (const Mappings& mappings : prepared_) {
    Unmap(mappings);
  }
  for (const auto& [begin, mapped] : freed_) {
    munmap(reinterpret_cast<void*>(begin), mapped);
  }
}

FakeDeviceMemory::Mappings FakeDeviceMemory::Map(size_t size) {
  const size_t mapped = (kAlignmentBytes + size + kPage - 1) / kPage * kPage;
  const int fd = memfd_create("hoist_fake_device_memory", MFD_CLOEXEC);
  if (fd < 0) {
    return {};
  }
  if (ftruncate(fd, static_cast<off_t>(mapped)) != 0) {
    close(fd);
    return {};
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
    return {};
  }
  std::memset(alias, kPoison, mapped);
  return {mapped, static_cast<uint8_t*>(guarded), static_cast<uint8_t*>(alias)};
}

bool FakeDeviceMemory::Prepare(size_t size) {
  const Mappings mappings = Map(size);
  if (mappings.alias == nullptr) {
    return false;
  }
  prepared_.push_back(mappings);
  return true;
}

void* FakeDeviceMemory::Allocate(int device, size_t size) {
  Mappings mappings;
  const auto prepared = std::find_if(
      prepared_.begin(), prepared_.end(), [size](const Mappings& candidate) {
        return size <= candidate.size - kAlignmentBytes;
      });
  if (prepared != prepared_.end()) {
    mappings = *prepared;
    prepared_.erase(prepared);
  } else {
    mappings = Map(size);
  }
  if (mappings.alias == nullptr) {
    return nullptr;
  }
  uint8_t* const address = mappings.guarded + kAlignmentBytes;
  allocations_[reinterpret_cast<uintptr_t>(address)] = {device, size, mappings};
  return address;
}

bool FakeDeviceMemory::Free(void* data) {
  const auto found = allocations_.find(reinterpret_cast<uintptr_t>(data));
  if (found == allocations_.end()) {
    return false;
  }
  const Mappings mappings = found->second.mappings;
  allocations_.erase(found);
  munmap(mappings.alias, mappings.size);
  // In place of the old one: a mapping of another thread's could come there
  // once that is gone.
  mmap(mappings.guarded, mappings.size, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  freed_[reinterpret_cast<uintptr_t>(mappings.guarded)] = mappings.size;
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
  return {allocation.mappings.alias + kAlignmentBytes + offset,
          allocation.device};
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

void FakeDeviceMemory::Unmap(const Mappings& mappings) {
  munmap(mappings.alias, mappings.size);
  munmap(mappings.guarded, mappings.size);
}

}  // namespace hoist
