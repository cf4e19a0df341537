#include "hoist/core/tensor/buffer.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"

namespace hoist {

absl::StatusOr<std::shared_ptr<Buffer>> Buffer::Allocate(size_t size_bytes) {
  if (size_bytes == 0) return Wrap(nullptr, 0, Device::Cpu(), nullptr);
  void* data = nullptr;
  // malloc refuses more than PTRDIFF_MAX as well, but gcc need not know that.
  if (size_bytes > PTRDIFF_MAX ||
      posix_memalign(&data, kAlignmentBytes, size_bytes) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Cannot allocate ", size_bytes, " bytes of memory"));
  }
  return Wrap(data, size_bytes, Device::Cpu(), [data] { std::free(data); });
}

std::shared_ptr<Buffer> Buffer::Wrap(void* data, size_t size_bytes,
                                     Device device,
                                     std::function<void()> release) {
  return std::shared_ptr<Buffer>(
      new Buffer(data, size_bytes, device, std::move(release)));
}

Buffer::~Buffer() {
  if (release_) release_();
}

absl::Span<uint8_t> Buffer::host_bytes() const {
  HOIST_CHECK(device_.is_cpu());
  return absl::MakeSpan(static_cast<uint8_t*>(data_), size_bytes_);
}

}  // namespace hoist
