#ifndef HOIST_CORE_IO_ATOMIC_DIRECTORY_H_
#define HOIST_CORE_IO_ATOMIC_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

// A directory of files that appears at its path whole or not at all, as an
// AtomicFile does: one that is there changes places with the new one in one
// step, and is removed then. Where the file system cannot do that, the old one
// is renamed to ".NAME.hoist-PROCESS-RANDOM.old" first: if the process ends
// right then nothing is at the path until the next Create() puts it back.
// Thread-compatible.
class AtomicDirectory {
 public:
  // Removes what writers of this path have left behind that were killed. What
  // is replaced is a file, or a directory of nothing but files, and all of them
  // go: kFailedPrecondition for one that has other directories in it, which is
  // hardly meant. `file_system` must outlive it.
  static absl::StatusOr<std::unique_ptr<AtomicDirectory>> Create(
      FileSystem& file_system, const std::string& path,
      const PublishOptions& options);
  // Removes the temporary directory, unless it was published.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  // A new file in it by that name, which has no slash; closed, at the latest,
  // before Publish() or the end of this. If a directory is replaced, it has the
  // permissions of the first of that one's files.
  absl::StatusOr<std::unique_ptr<OutputFile>> CreateFile(
      const std::string& name, uint64_t expected_bytes);

  // Files are Sync()ed by who wrote them; syncs the directory, renames it, and
  // syncs its parent; blocks. Once only. Errors as of AtomicFile::Publish();
  // after one of the parent's sync the old directory is kept beside it until
  // another process writes there, for it may be needed.
  absl::Status Publish();

 private:
  // What is there before, if anything.
  struct Replaced {
    bool is_directory = false;
    uint32_t permissions = 0;
    uint32_t file_permissions = 0;
  };
  static absl::StatusOr<std::optional<Replaced>> WhatToReplace(
      FileSystem& file_system, const std::string& path, bool overwrite);

  // Renames it to its path; returns where what `is_there` is now, or nothing.
  absl::StatusOr<std::string> TakePlace(bool is_there);

  AtomicDirectory(FileSystem& file_system, std::string path,
                  std::string temporary_path, const PublishOptions& options,
                  std::optional<Replaced> replaced);

  FileSystem& file_system_;
  const std::string path_;  // without links
  const std::string temporary_path_;
  const PublishOptions options_;
  const std::optional<Replaced> replaced_;
  bool is_published_ = false;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_ATOMIC_DIRECTORY_H_
