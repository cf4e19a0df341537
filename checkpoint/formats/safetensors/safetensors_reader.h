#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_READER_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_READER_H_

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads the header of a safetensors file, and nothing else of it; blocks.
// (specs: pytorch-formats.md section 11) Accepts what the reference
// implementation does, but for keys that occur twice. Tensors come in the order
// of their bytes, those of no bytes in the header's. kDataLoss for a file that
// is cut off, has bytes that belong to no tensor or to two, or a header that is
// not what it should be; kUnimplemented for an unknown dtype, and for a float4
// shape that torch cannot have. Thread-safe.
absl::StatusOr<Catalog> ReadSafetensors(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_READER_H_
