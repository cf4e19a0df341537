#include "hoist/checkpoint/read_catalog.h"

#include <optional>
#include <utility>

#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/formats/native/native_reader.h"
#include "hoist/checkpoint/formats/pickle/pickle_reader.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"
#include "hoist/checkpoint/formats/torch_legacy/torch_legacy_reader.h"
#include "hoist/checkpoint/formats/torch_pt2/torch_pt2_reader.h"
#include "hoist/checkpoint/formats/torch_script/torch_script_reader.h"
#include "hoist/checkpoint/formats/torch_tar/torch_tar_reader.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::StatusOr<Catalog> ReadCatalog(const RandomAccessFile& file,
                                    ThreadPool* pool) {
  std::optional<ZipDirectory> directory;
  HOIST_ASSIGN_OR_RETURN(const Format format, DetectFormat(file, directory));
  switch (format) {
    case Format::kTorchZip:
      return ReadTorchZip(file, pool, std::move(directory));
    case Format::kTorchLegacy:
      return ReadTorchLegacy(file);
    case Format::kTorchScript:
      return ReadTorchScript(file);
    case Format::kTorchPt2:
      return ReadTorchPt2(file);
    case Format::kTorchTar:
      return ReadTorchTar(file);
    case Format::kPickle:
      return ReadBarePickle(file);
    case Format::kSafetensors:
      return ReadSafetensors(file);
    case Format::kHoist:
      return ReadNative(file);
    case Format::kSafetensorsIndex:
    case Format::kTorchIndex:
    case Format::kDcp:
      break;  // of folders
  }
  return absl::InternalError("a format without a reader");
}

std::vector<std::shared_ptr<const RandomAccessFile>> FilesOf(
    const Catalog& catalog, std::shared_ptr<const RandomAccessFile> file) {
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  files.reserve(catalog.files.size());
  files.push_back(std::move(file));
  for (const FileEntry& entry : catalog.files) {
    if (entry.content != nullptr) {
      files.push_back(entry.content);
    }
  }
  return files;
}

}  // namespace hoist
