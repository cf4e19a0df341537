#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ARCHIVE_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_TORCH_ARCHIVE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A zip archive that PyTorch wrote: its records are the members under one
// folder, whose name says nothing (spec: pytorch-formats.md 2.2). Constant, and
// thread-safe; the file must outlive it.
class TorchArchive {
 public:
  // Reads the directory of what torch.save wrote, unless it is `directory`, and
  // finds the folder. Errors as of ReadTorchZip().
  static absl::StatusOr<TorchArchive> Open(
      const RandomAccessFile& file, std::optional<ZipDirectory> directory);

  // The same for an archive of another kind, `what` ("TorchScript archive"):
  // its folder is the one that has all of `records`. kInvalidArgument if none
  // has, or several have.
  static absl::StatusOr<TorchArchive> OpenHolding(
      const RandomAccessFile& file, absl::Span<const absl::string_view> records,
      absl::string_view what);

  // The record "data.pkl", "data/0", ...; null if there is none.
  const ZipMember* Find(absl::string_view record) const;

  const ZipDirectory& directory() const { return directory_; }
  // What the names of the records' members begin with, the "/" included.
  const std::string& prefix() const { return prefix_; }

  // Names of all records, in the order of the directory.
  std::vector<std::string> Records() const;

  // Content of a small text record without blanks around it; nullopt if there
  // is none.
  absl::StatusOr<std::optional<std::string>> ReadText(
      absl::string_view record) const;

  // The pickle "data.pkl", or another; kResourceExhausted if it is absurdly
  // big, kDataLoss if there is none.
  absl::StatusOr<std::vector<uint8_t>> ReadPickle(
      absl::string_view record = "data.pkl") const;

  // The container's version, "3": one that PyTorch reads. kDataLoss if it is no
  // number or missing, kUnimplemented if it is none of PyTorch's.
  absl::StatusOr<std::string> ReadVersion() const;

  // Whether storages have the bytes of a big-endian machine. kDataLoss if the
  // archive names neither order.
  absl::StatusOr<bool> ReadIsBigEndian() const;

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
