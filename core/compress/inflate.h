#ifndef HOIST_CORE_COMPRESS_INFLATE_H_
#define HOIST_CORE_COMPRESS_INFLATE_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// deflate makes no more of a byte than this (RFC 1951: 258 bytes of 2 bits).
inline constexpr uint64_t kMaxInflateRatio = 1032;

// Decompresses raw deflate (RFC 1951), as members of zip archives have it, from
// a range of a file, piece by piece in bounded memory. Thread-compatible.
class InflateReader {
 public:
  // `file` must outlive it, and have the range.
  InflateReader(const RandomAccessFile& file, uint64_t offset_bytes,
                uint64_t stored_bytes);
  ~InflateReader();
  InflateReader(const InflateReader&) = delete;
  InflateReader& operator=(const InflateReader&) = delete;

  // Fills `out` with the next bytes; blocks. kDataLoss if they are damaged or
  // fewer, or what reading the file gives.
  absl::Status Read(absl::Span<uint8_t> out);

  // kDataLoss unless everything was read, of the stream and of the range.
  absl::Status ExpectEnd();

 private:
  absl::Status Refill();

  struct State;
  const RandomAccessFile& file_;
  uint64_t next_offset_;
  uint64_t left_bytes_;  // of the range, not yet read
  std::unique_ptr<State> state_;
};

}  // namespace hoist

#endif  // HOIST_CORE_COMPRESS_INFLATE_H_
