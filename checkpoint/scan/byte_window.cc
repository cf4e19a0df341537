#include "hoist/checkpoint/scan/byte_window.h"

#include <algorithm>

namespace hoist {

absl::Span<const uint8_t> ByteWindow::Load(uint64_t offset, size_t size) {
  if (offset >= file_.size_bytes() || !status_.ok()) {
    return {};
  }
  const uint64_t left = file_.size_bytes() - offset;
  // What is already there may be all that there is.
  if (offset >= begin_ && offset - begin_ < buffer_.size() &&
      buffer_.size() - (offset - begin_) == left) {
    return absl::MakeConstSpan(buffer_).subspan(offset - begin_);
  }
  buffer_.resize(static_cast<size_t>(std::min<uint64_t>(left, kMaxBytes)));
  begin_ = offset;
  ++loads_;
  status_ = file_.ReadAt(offset, absl::MakeSpan(buffer_));
  if (!status_.ok()) {
    buffer_.clear();
  }
  return absl::MakeConstSpan(buffer_).subspan(0, size);
}

}  // namespace hoist
