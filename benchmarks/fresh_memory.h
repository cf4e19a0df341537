#ifndef HOIST_BENCHMARKS_FRESH_MEMORY_H_
#define HOIST_BENCHMARKS_FRESH_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

enum class Pages {
  kHuge,   // of 2 MiB, where the system has them
  kSmall,  // of 4 KiB, whatever the system would rather do
};

// Owns private memory fresh from the system, aligned to 2 MiB, of which no page
// was touched. Thread-compatible.
class FreshMemory {
 public:
  static constexpr size_t kAlignmentBytes = size_t{2} << 20;

  // `size_bytes` is at least 1. kResourceExhausted where there is too little
  // memory.
  static absl::StatusOr<FreshMemory> Map(size_t size_bytes, Pages pages);

  FreshMemory(FreshMemory&& other) noexcept
      : mapping_(std::exchange(other.mapping_, {})),
        bytes_(std::exchange(other.bytes_, {})) {}
  FreshMemory& operator=(FreshMemory&&) = delete;
  ~FreshMemory();

  // A multiple of kAlignmentBytes is mapped; these are the bytes asked for.
  absl::Span<uint8_t> bytes() const { return bytes_; }

 private:
  FreshMemory(absl::Span<uint8_t> mapping, absl::Span<uint8_t> bytes)
      : mapping_(mapping), bytes_(bytes) {}

  absl::Span<uint8_t> mapping_;
  absl::Span<uint8_t> bytes_;
};

// Writes a byte into each 4 KiB of `bytes`, with all threads of `pool` (null:
// the caller's alone); blocks.
absl::Status Touch(absl::Span<uint8_t> bytes, ThreadPool* pool);

// Touches and frees as much memory; blocks. A virtual machine gives memory that
// was freed a while ago back to its host, and to touch it again is 10 to 20
// times as slow as to touch what was freed just now. Called right before each
// clock, this makes what comes after it the same for all that is compared.
absl::Status TouchAndFreeBallast(size_t size_bytes, ThreadPool* pool);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_FRESH_MEMORY_H_
