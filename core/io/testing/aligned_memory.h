#ifndef HOIST_CORE_IO_TESTING_ALIGNED_MEMORY_H_
#define HOIST_CORE_IO_TESTING_ALIGNED_MEMORY_H_

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/types/span.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

// Memory as direct writes want it, with a pattern that nothing repeats soon.
// Thread-safe.
class AlignedMemory {
 public:
  explicit AlignedMemory(size_t size)
      : data_(static_cast<uint8_t*>(
            std::aligned_alloc(kDirectWriteAlignment, size))),
        size_(size) {
    for (size_t i = 0; i < size; ++i) {
      data_[i] = static_cast<uint8_t>(i * 31 + i / 251);
    }
  }
  ~AlignedMemory() { std::free(data_); }
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;

  absl::Span<const uint8_t> bytes() const { return {data_, size_}; }
  std::string text() const { return {data_, data_ + size_}; }

 private:
  uint8_t* const data_;
  const size_t size_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_TESTING_ALIGNED_MEMORY_H_
