#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TAR_DIRECTORY_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TAR_DIRECTORY_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Where the bytes of a member lie in the archive.
struct TarMember {
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
};

// The members of a tar archive (ustar, PAX or GNU's) that have one of `names`,
// by name; those that are not there are left out. Nothing is unpacked, and no
// path or link followed. Reads the headers only; blocks. kInvalidArgument for a
// file that is no tar archive, or one of more than 10,000 members; kDataLoss
// for a header that does not match its checksum, for a member that is cut off,
// of that name twice, or a link or a folder; kUnimplemented for sparse members.
// Thread-safe.
absl::StatusOr<absl::flat_hash_map<std::string, TarMember>> ReadTarDirectory(
    const RandomAccessFile& file, absl::Span<const absl::string_view> names);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TAR_DIRECTORY_H_
