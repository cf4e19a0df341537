#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_TORCH_SCRIPT_READER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_TORCH_SCRIPT_READER_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads what torch.jit.save and LibTorch's torch::save write: a zip archive
// with a module, the code of its classes, and their constants (spec:
// pytorch-formats.md 7). Runs none of the code; looks up in it which attributes
// are parameters and buffers. First come the tensors that the state_dict() of
// the loaded module has, in its order; other attributes' and the constants
// ("CONSTANTS.c0") follow, as not persistent.
//
// Reads the directory, the pickles, the code and the members' headers, no
// payload; blocks. kUnimplemented for archives of PyTorch before 1.3, and for
// records compressed by other means than deflate; kInvalidArgument for archives
// that are no TorchScript; kDataLoss for damaged ones; kResourceExhausted for
// pickles beyond PickleLimits. Thread-safe.
absl::StatusOr<Catalog> ReadTorchScript(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_TORCH_SCRIPT_READER_H_
