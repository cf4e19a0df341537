#ifndef HOIST_CORE_SYSTEM_FILE_SYSTEM_TYPE_H_
#define HOIST_CORE_SYSTEM_FILE_SYSTEM_TYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

// What kind of file system a file is on, and what that means for reading it.
struct FileSystemType {
  absl::string_view name;   // "ext4", of constant text; "unknown"
  bool is_memory = false;   // its files are in memory already
  bool is_network = false;  // its files are on other machines
  // O_DIRECT is likely to be allowed and to read past the page cache. For what
  // is sure, open the file so and read.
  bool supports_direct = false;
};

// Of the file system that holds the open file `fd`. Fails as ErrnoStatus() if
// the system does. Thread-safe; blocks while a network file system does.
absl::StatusOr<FileSystemType> FileSystemTypeOf(int fd);

// Of the number that statfs(2) gives as f_type. ext2, ext3 and ext4 share one;
// virtiofs has that of fuse, behind which may be a network. Thread-safe.
FileSystemType FileSystemTypeOfMagic(uint64_t magic);

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_FILE_SYSTEM_TYPE_H_
