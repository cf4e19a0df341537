#include "hoist/cuda/device_digests.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/cuda/cuda_status.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/kernels/digest.h"
#include "hoist/cuda/nvtx_range.h"
#include "hoist/cuda/scoped_device.h"
#include "hoist/cuda/stream.h"

namespace hoist {
namespace {

// Blocks until what was put on the stream is over, in whichever way. Its device
// is the current one.
absl::Status Wait(const Stream& stream, absl::string_view what) {
  const absl::Status status =
      ToStatus(cudaStreamSynchronize(stream.get()), what);
  if (!status.ok()) {
    // An error does not say that it has ended; ask again, wider.
    cudaDeviceSynchronize();
    cudaGetLastError();
  }
  return status;
}

// Reads a device's memory through one pinned slot.
class DeviceReader {
 public:
  DeviceReader(const Stream& stream, PinnedPool& pool)
      : stream_(stream), borrower_(pool, stream.device(), /*max_slots=*/1) {}

  // Calls `use` with the bytes at `data`, piece by piece in their order; each
  // but the last is of whole words.
  template <typename Use>
  absl::Status Read(const uint8_t* data, size_t size_bytes, const Use& use) {
    HOIST_ASSIGN_OR_RETURN(const PinnedPool::Slot slot, borrower_.Acquire());
    const size_t piece = slot.bytes().size();
    for (size_t at = 0; at < size_bytes; at += piece) {
      const size_t size = std::min(piece, size_bytes - at);
      HOIST_RETURN_IF_ERROR(Copy(slot.bytes().data(), data + at, size));
      use(absl::MakeConstSpan(slot.bytes()).subspan(0, size));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Copy(uint8_t* to, const uint8_t* from, size_t size) {
    const ScopedDevice scope(stream_.device());
    HOIST_RETURN_IF_ERROR(scope.status());
    const std::string what =
        absl::StrCat("Copying ", size, " bytes from cuda:", stream_.device());
    const absl::Status started = ToStatus(
        cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToHost, stream_.get()),
        what);
    // Also where it failed, since it may have started.
    const absl::Status ended = Wait(stream_, what);
    return started.ok() ? ended : started;
  }

  const Stream& stream_;
  PinnedPool::Borrower borrower_;
};

absl::StatusOr<std::vector<uint64_t>> ComputeThere(
    const Stream& stream, absl::Span<const DeviceRange> ranges,
    DeviceReader& reader) {
  HOIST_ASSIGN_OR_RETURN(
      const DeviceBuffer digests,
      DeviceBuffer::Allocate(stream.device(),
                             ranges.size() * sizeof(uint64_t)));
  // What is under way writes to them.
  const absl::Cleanup wait = [&stream] {
    const ScopedDevice scope(stream.device());
    Wait(stream, "Digesting device memory").IgnoreError();
  };
  for (size_t i = 0; i < ranges.size(); ++i) {
    HOIST_RETURN_IF_ERROR(Digest64OnDevice(
        stream.device(), ranges[i].data, ranges[i].size_bytes,
        static_cast<uint64_t*>(digests.data()) + i, stream.get()));
  }
  std::vector<uint64_t> result(ranges.size());
  auto* to = reinterpret_cast<uint8_t*>(result.data());
  HOIST_RETURN_IF_ERROR(reader.Read(
      static_cast<const uint8_t*>(digests.data()),
      ranges.size() * sizeof(uint64_t), [&to](absl::Span<const uint8_t> bytes) {
        std::memcpy(to, bytes.data(), bytes.size());
        to += bytes.size();
      }));
  return result;
}

absl::StatusOr<std::vector<uint64_t>> ComputeHere(
    absl::Span<const DeviceRange> ranges, DeviceReader& reader) {
  std::vector<uint64_t> result;
  result.reserve(ranges.size());
  for (const DeviceRange& range : ranges) {
    uint64_t sum = 0;
    uint64_t word = 0;
    HOIST_RETURN_IF_ERROR(reader.Read(range.data, range.size_bytes,
                                      [&](absl::Span<const uint8_t> bytes) {
                                        sum += DigestTerms(bytes, word);
                                        word += bytes.size() / sizeof(uint64_t);
                                      }));
    result.push_back(DigestOfTerms(sum, range.size_bytes));
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> DeviceDigests(
    int device, absl::Span<const DeviceRange> ranges, PinnedPool& pool) {
  const NvtxRange range("Digest device memory");
  if (ranges.empty()) {
    return std::vector<uint64_t>();
  }
  HOIST_ASSIGN_OR_RETURN(const Stream stream, Stream::Create(device));
  DeviceReader reader(stream, pool);
  auto digests = ComputeThere(stream, ranges, reader);
  if (absl::IsUnavailable(digests.status())) {
    return ComputeHere(ranges, reader);
  }
  return digests;
}

}  // namespace hoist
