#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "hoist/core/base/check.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/io/memory_file.h"

namespace {

// igzip is not instrumented: what it writes beyond the end, guards show.
constexpr size_t kGuardBytes = 512;
constexpr uint8_t kGuard = 0xa5;
constexpr size_t kMaxBytes = size_t{1} << 20;

class GuardedBytes {
 public:
  explicit GuardedBytes(size_t size)
      : bytes_(size + 2 * kGuardBytes, kGuard), size_(size) {}

  absl::Span<uint8_t> span() {
    return absl::MakeSpan(bytes_).subspan(kGuardBytes, size_);
  }
  void Check() const {
    const auto is_guard = [](uint8_t byte) { return byte == kGuard; };
    HOIST_CHECK(
        std::all_of(bytes_.begin(), bytes_.begin() + kGuardBytes, is_guard));
    HOIST_CHECK(
        std::all_of(bytes_.end() - kGuardBytes, bytes_.end(), is_guard));
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t size_;
};

// Reads up to `size` bytes, `piece` at a time; how many there are.
size_t ReadPieces(const hoist::RandomAccessFile& file, size_t size,
                  size_t piece, absl::Span<uint8_t> out) {
  hoist::InflateReader reader(file, 0, file.size_bytes());
  size_t done = 0;
  while (done < size) {
    const size_t next = std::min(piece, size - done);
    if (!reader.Read(out.subspan(done, next)).ok()) {
      break;
    }
    done += next;
  }
  return done;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hoist::InflateReader;
  const hoist::MemoryFile file("fuzz", {data, data + size});
  // No stream makes more of its bytes.
  const size_t most =
      std::min<size_t>(kMaxBytes, size * hoist::kMaxInflateRatio + 1);
  GuardedBytes first(most);
  const size_t there = ReadPieces(file, most, 1, first.span());
  first.Check();
  HOIST_CHECK(there < most || most == kMaxBytes);

  // All at once gives the same bytes, and no byte more.
  GuardedBytes second(there);
  InflateReader reader(file, 0, size);
  HOIST_CHECK(reader.Read(second.span()).ok());
  second.Check();
  HOIST_CHECK(second.span() == first.span().subspan(0, there));
  const absl::Status end = reader.ExpectEnd();
  HOIST_CHECK(end.ok() || absl::IsDataLoss(end));
  if (end.ok()) {
    HOIST_CHECK(!reader.Read(first.span().subspan(0, 1)).ok());
  }
  if (there > 0) {
    InflateReader shorter(file, 0, size);
    GuardedBytes fewer(there - 1);
    HOIST_CHECK(shorter.Read(fewer.span()).ok());
    HOIST_CHECK(!shorter.ExpectEnd().ok());
    fewer.Check();
  }
  return 0;
}
