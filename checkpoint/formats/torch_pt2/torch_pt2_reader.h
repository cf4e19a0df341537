#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_PT2_TORCH_PT2_READER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_PT2_TORCH_PT2_READER_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads what torch.export.save writes: since PyTorch 2.8 a PT2 archive with a
// record for each weight, before that a zip archive with what torch.save wrote
// inside (spec: pytorch-formats.md 8). First come the tensors of the state dict
// that the loaded program has, in its order; its constants, also buffers that
// are not persistent, follow as not persistent. The root is a dict of the state
// dict. With several models in one archive, names start with the model's.
//
// Reads the directory, JSON, pickles and the members' headers, no payload;
// blocks. kUnimplemented for archives without weights that can be told
// (AOTInductor), for sparse tensors, and for compressed members;
// kInvalidArgument for archives of another kind; kDataLoss for damaged ones.
// Thread-safe.
absl::StatusOr<Catalog> ReadTorchPt2(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_PT2_TORCH_PT2_READER_H_
