#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ZIP_WRITER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ZIP_WRITER_H_

#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// Writes what torch.load() reads, since 1.6, as torch.save wrote it (specs:
// pytorch-formats.md 2 and 3), as WriteCheckpoint() does; with
// weights_only=True but for objects of classes that it does not allow.
//
// Values are those of the catalog's root; of a catalog without, and of
// programs (TorchScript, torch.export), an OrderedDict of the tensors by name.
// Tensors keep strides, aliases, gradients, devices and attributes. Of storages
// as much is written as tensors view. Storages of 128 KiB and more lie at
// multiples of 4096 in the file, others of 64.
//
// Without the records .format_version and .storage_alignment, by which a
// PyTorch may compute where its own writer would have put storages.
absl::StatusOr<WriteReport> WriteTorchZip(const Catalog& catalog,
                                          CatalogFiles files,
                                          FileSystem& file_system,
                                          const std::string& path,
                                          const WriteOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ZIP_WRITER_H_
