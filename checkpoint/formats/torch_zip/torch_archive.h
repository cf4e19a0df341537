#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ARCHIVE_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ARCHIVE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A zip archive that torch.save wrote: its records are the members under one
// folder, whose name says nothing (spec: pytorch-formats.md 2.2). Constant, and
// thread-safe; the file must outlive it.
class TorchArchive {
 public:
  // Reads the directory, and finds the folder. Errors as of ReadTorchZip().
  static absl::StatusOr<TorchArchive> Open(const RandomAccessFile& file);

  // The record "data.pkl", "data/0", ...; null if there is none.
  const ZipMember* Find(absl::string_view record) const;

  // Content of a small text record without blanks around it; nullopt if there
  // is none.
  absl::StatusOr<std::optional<std::string>> ReadText(
      absl::string_view record) const;

  // The pickle; kResourceExhausted if it is absurdly big.
  absl::StatusOr<std::vector<uint8_t>> ReadPickle() const;

 private:
  TorchArchive(const RandomAccessFile& file, ZipDirectory directory,
               std::string prefix)
      : file_(file),
        directory_(std::move(directory)),
        prefix_(std::move(prefix)) {}

  const RandomAccessFile& file_;
  ZipDirectory directory_;
  std::string prefix_;  // with the "/"
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ARCHIVE_H_
