#include "hoist/checkpoint/formats/detect/foreign_files.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/file_signatures.h"
#include "hoist/checkpoint/formats/detect/protobuf_files.h"
#include "hoist/checkpoint/formats/detect/text_files.h"
#include "hoist/checkpoint/formats/detect/zero_files.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// The tables that TensorFlow keeps checkpoints and their indices in have their
// signature at the end.
absl::Status RefuseTensorFlowTable(const RandomAccessFile& file) {
  constexpr uint8_t kMagic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
  // Two places of at most 20 bytes each, and the signature.
  constexpr uint64_t kFooterBytes = 48;
  if (file.size_bytes() < kFooterBytes) {
    return absl::OkStatus();
  }
  uint8_t end[sizeof(kMagic)];
  HOIST_RETURN_IF_ERROR(
      file.ReadAt(file.size_bytes() - sizeof(end), absl::MakeSpan(end)));
  if (!std::equal(std::begin(end), std::end(end), std::begin(kMagic))) {
    return absl::OkStatus();
  }
  return WithHint(
      absl::InvalidArgumentError(
          "A checkpoint of TensorFlow, or its index, not of PyTorch"),
      "Read it with tf.train.load_checkpoint, and save its arrays as "
      "safetensors");
}

}  // namespace

absl::Status RefuseForeignFile(const RandomAccessFile& file,
                               absl::string_view head) {
  HOIST_RETURN_IF_ERROR(RefuseBySignature(head));
  HOIST_RETURN_IF_ERROR(RefuseZeros(file));
  HOIST_RETURN_IF_ERROR(RefuseProtobuf(head, file.size_bytes()));
  HOIST_RETURN_IF_ERROR(RefuseTensorFlowTable(file));
  return RefuseTextFile(head, file.path(), file.size_bytes());
}

}  // namespace hoist
