#include "hoist/checkpoint/write/write_checkpoint.h"

#include "absl/status/status.h"
#include "hoist/checkpoint/formats/native/native_writer.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_writer.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_writer.h"

namespace hoist {

absl::StatusOr<WriteReport> WriteCheckpoint(const Catalog& catalog,
                                            CatalogFiles files,
                                            FileSystem& file_system,
                                            const std::string& path,
                                            const WriteOptions& options) {
  switch (options.format) {
    case OutputFormat::kNative:
      return WriteNative(catalog, files, file_system, path, options);
    case OutputFormat::kTorchZip:
      return WriteTorchZip(catalog, files, file_system, path, options);
    case OutputFormat::kSafetensors:
      return WriteSafetensors(catalog, files, file_system, path, options);
  }
  return absl::InternalError("a format without a writer");
}

}  // namespace hoist
