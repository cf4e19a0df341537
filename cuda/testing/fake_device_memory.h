#ifndef HOIST_CUDA_TESTING_FAKE_DEVICE_MEMORY_H_
#define HOIST_CUDA_TESTING_FAKE_DEVICE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace hoist {

// The memory of pretended devices. An address that it hands out faults when the
// CPU touches it; the stand-in reads and writes through a second mapping. New
// memory is full of kPoison, and no address is handed out twice.
// Thread-compatible.
class FakeDeviceMemory {
 public:
  static constexpr uint8_t kPoison = 0xCD;
  static constexpr size_t kAlignmentBytes = 256;

  FakeDeviceMemory() = default;
  ~FakeDeviceMemory();
  FakeDeviceMemory(const FakeDeviceMemory&) = delete;
  FakeDeviceMemory& operator=(const FakeDeviceMemory&) = delete;

  // Returns a device address, aligned to kAlignmentBytes and to no more, or
  // null if the host has no memory left. `size` is at least 1.
  void* Allocate(int device, size_t size);
  // Does the slow part of the next Allocate() of at most `size` bytes. False if
  // the host has no memory left.
  bool Prepare(size_t size);
  // Returns whether `data` was the start of an allocation, which it ends.
  bool Free(void* data);

  struct Range {
    uint8_t* alias = nullptr;  // where the host finds the bytes; null if none
    int device = -1;
  };
  // Looks up [data, data + size), which has to lie in one live allocation.
  Range Find(const void* data, size_t size) const;

  // The size of the allocation that starts at `data`; 0 if none does.
  size_t SizeOf(const void* data) const;

  size_t used_bytes(int device) const;
  size_t allocation_count() const { return allocations_.size(); }

 private:
  // Two mappings of the same poisoned memory.
  struct Mappings {
    size_t size = 0;
    uint8_t* guarded = nullptr;
    uint8_t* alias = nullptr;  // null: the host has no memory left
  };
  struct Allocation {
    int device;
    size_t size;
    Mappings mappings;
  };

  static Mappings Map(size_t size);
  static void Unmap(const Mappings& mappings);

  std::map<uintptr_t, Allocation> allocations_;
  std::vector<Mappings> prepared_;
  std::map<uintptr_t, size_t> freed_;  // mappings kept without access
};

}  // namespace hoist

#endif  // HOIST_CUDA_TESTING_FAKE_DEVICE_MEMORY_H_
