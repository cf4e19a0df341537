#ifndef HOIST_CHECKPOINT_VERIFY_ARCHIVE_MEMBERS_H_
#define HOIST_CHECKPOINT_VERIFY_ARCHIVE_MEMBERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/verify/byte_ranges.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// The members of a zip archive as ranges of its bytes, and what is wrong with
// the headers before them.
struct ArchiveMembers {
  struct Problem {
    std::string member;
    std::string text;
  };

  std::vector<ByteRange> ranges;  // of files, of stored and deflated content
  std::vector<Problem> problems;
};

// Reads the directory and each member's own header of `file`, which is
// Catalog::files[file_index]; blocks. A checksum of 0 is one that is not
// recorded, where there are bytes. Errors as of ZipDirectory::Read().
// Thread-safe.
absl::StatusOr<ArchiveMembers> ReadArchiveMembers(const RandomAccessFile& file,
                                                  int file_index);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_ARCHIVE_MEMBERS_H_
