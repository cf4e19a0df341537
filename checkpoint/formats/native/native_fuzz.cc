// Any bytes make a good catalog or a good error; also where checksums are
// those of the bytes.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/formats/native/native_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {
namespace {

// Bytes with a good header before and a good footer behind them, the last
// `index_bytes` of which are the index.
std::vector<uint8_t> Frame(const NativeHeader& header,
                           absl::Span<const uint8_t> bytes,
                           size_t index_bytes) {
  const NativeBlock first = EncodeNativeHeader(header);
  std::vector<uint8_t> file(first.begin(), first.end());
  const size_t data_bytes = (bytes.size() - index_bytes) / 64 * 64;
  file.insert(file.end(), bytes.begin(), bytes.end());
  const absl::Span<const uint8_t> index = bytes.subspan(data_bytes);
  const NativeBlock last =
      EncodeNativeFooter({.index_offset = first.size() + data_bytes,
                          .index_bytes = index.size(),
                          .file_bytes = file.size() + kNativeBlockBytes,
                          .index_crc32c = Crc32c(index),
                          .header_crc32c = NativeBlockCrc32c(first)});
  file.insert(file.end(), last.begin(), last.end());
  return file;
}

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Span<const uint8_t> bytes(data, size);
  hoist::CheckReader(hoist::ReadNative, hoist::Format::kHoist, bytes);
  // The middle of a file, of which the fuzzer cannot make the checksums.
  constexpr size_t kFrame = 2 * hoist::kNativeBlockBytes;
  if (size > kFrame) {
    const absl::Span<const uint8_t> middle =
        bytes.subspan(hoist::kNativeBlockBytes, size - kFrame);
    const size_t index_bytes = data[10] * middle.size() / 255;
    hoist::CheckReader(
        hoist::ReadNative, hoist::Format::kHoist,
        hoist::Frame({.version = static_cast<uint16_t>(1 + data[11] % 2),
                      .refuse_flags = uint32_t{data[11]} % 2},
                     middle, index_bytes));
  }
  return 0;
}
