#ifndef HOIST_CHECKPOINT_FORMATS_DCP_DCP_METADATA_H_
#define HOIST_CHECKPOINT_FORMATS_DCP_DCP_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/dcp/tensor_box.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// Where torch.distributed.checkpoint has put a value, or a piece of a tensor:
// each was saved by itself, and is a run of bytes in a file.
struct DcpExtent {
  int file = 0;  // index into DcpMetadata::files
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  // What was done to the bytes, as "stream.zstd/1"; mostly nothing.
  std::vector<std::string> transforms;
};

struct DcpPiece {
  TensorBox box;
  DcpExtent extent;
};

// An entry of the state dict.
struct DcpItem {
  std::string name;  // the keys that lead to it, joined by "."
  // Those keys, and positions in lists; `name` alone where the file says
  // nothing of that kind. Joined they are `name`.
  std::vector<std::variant<std::string, int64_t>> path;
  bool is_tensor = false;
  // Of a tensor, which is covered by its pieces, each with elements:
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::vector<DcpPiece> pieces;  // of any other value one, without a box
};

struct DcpMetadata {
  std::vector<DcpItem> items;      // in the order of the file, each name once
  std::vector<std::string> files;  // names in the folder, each once, sorted
  std::string version;  // "1.0.0"; empty where it is from before that
};

// Largest metadata that is read: those of 1,000,000 pieces have less.
inline constexpr uint64_t kMaxDcpMetadataBytes = uint64_t{1} << 30;

// Reads the content of a `.metadata` file, a pickle, of which nothing is
// executed. (specs: pytorch-formats.md 12.2) kDataLoss for what is none, and,
// with the name of the tensor and the piece, for pieces that are not where they
// can be, overlap, or leave something out; kPermissionDenied for a file whose
// name leads out of the folder; kUnimplemented for a dtype that is not known.
// Takes memory in proportion to `bytes`. Thread-safe.
absl::StatusOr<DcpMetadata> ParseDcpMetadata(absl::Span<const uint8_t> bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DCP_DCP_METADATA_H_
