#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_READER_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_READER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reads the structure of a file in Hoist's own format (FORMAT.md): its header,
// footer and index, all of which are held against their checksums; blocks. Both
// versions of the container. kDataLoss for a file that is damaged, cut off, or
// joined with another; kUnimplemented for a newer version, or a feature that
// cannot be done without; kInvalidArgument for the index of a directory, which
// ReadNativeShards() reads. Thread-safe, like all here.
absl::StatusOr<Catalog> ReadNative(const RandomAccessFile& file);

struct NativeCheckpoint {
  Catalog catalog;
  // Parallel to Catalog::files.
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

// The same of one file or, if it is the index of a directory, of all files that
// it names: those lie beside it. They are opened, and are what they were when
// the index was written, as far as size, header and footer say: kDataLoss and
// kNotFound with the name of the first that is not.
absl::StatusOr<NativeCheckpoint> ReadNativeShards(
    std::shared_ptr<const RandomAccessFile> file);

// Whether it begins as such a file does.
bool IsNative(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_READER_H_
