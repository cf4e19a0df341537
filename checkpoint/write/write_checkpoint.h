#ifndef HOIST_CHECKPOINT_WRITE_WRITE_CHECKPOINT_H_
#define HOIST_CHECKPOINT_WRITE_WRITE_CHECKPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// Writes the tensors and values of `catalog`, whose bytes are in `files`, to
// `path`, in bounded memory whatever their size; blocks. It appears there
// whole, and on the disk, or not at all. Only what tensors need of storages is
// written, each once, and aliases stay aliases where the format has them.
// Bytes are held against the checksums that the catalog has of them.
//
// kAlreadyExists, kInvalidArgument for options that do not go together or a
// catalog that the format cannot hold (WriteReport::warnings says what it
// leaves out), kDataLoss for damaged sources, kResourceExhausted for a full
// disk, kCancelled.
absl::StatusOr<WriteReport> WriteCheckpoint(const Catalog& catalog,
                                            CatalogFiles files,
                                            FileSystem& file_system,
                                            const std::string& path,
                                            const WriteOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_WRITE_CHECKPOINT_H_
