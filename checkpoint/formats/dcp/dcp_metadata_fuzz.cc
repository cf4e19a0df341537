#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "hoist/checkpoint/formats/dcp/dcp_metadata.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/base/check.h"

// Whatever is read, no file of it is outside the folder, and pieces are those
// of their tensors.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto metadata = hoist::ParseDcpMetadata({data, size});
  hoist::CheckBytesError(metadata.status());
  if (!metadata.ok()) {
    return 0;
  }
  for (const std::string& file : metadata->files) {
    HOIST_CHECK(!file.empty() && file[0] != '/' && file != ".." &&
                !absl::StartsWith(file, "../") &&
                !absl::StrContains(file, "/../"));
  }
  for (const hoist::DcpItem& item : metadata->items) {
    HOIST_CHECK(!item.path.empty());
    HOIST_CHECK(item.is_tensor || item.pieces.size() == 1);
    std::vector<hoist::TensorBox> boxes;
    for (const hoist::DcpPiece& piece : item.pieces) {
      HOIST_CHECK(static_cast<size_t>(piece.extent.file) <
                  metadata->files.size());
      boxes.push_back(piece.box);
    }
    HOIST_CHECK(!item.is_tensor ||
                hoist::CheckBoxesCover(boxes, item.shape).ok());
  }
  return 0;
}
