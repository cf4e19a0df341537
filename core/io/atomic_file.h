#ifndef HOIST_CORE_IO_ATOMIC_FILE_H_
#define HOIST_CORE_IO_ATOMIC_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

struct PublishOptions {
  // Replaces what is there, which stays until the new is whole. Else that is
  // kAlreadyExists, and nothing is changed.
  bool overwrite = false;
  // How much will be written, if that is known: refused with
  // kResourceExhausted, and nothing written, where the disk has less.
  uint64_t expected_bytes = 0;
  // Called by Publish() with where it is for now, when all of it is on the disk
  // and before anybody can see it: an error is returned, and nothing has
  // changed then. May be empty.
  std::function<absl::Status(const std::string& path)> check;
};

// A file that appears at its path whole or not at all: it is written beside it
// as ".NAME.hoist-PROCESS-RANDOM.tmp", brought to the disk, and renamed. A link
// at the path is followed. What was there before is there, untouched, until
// Publish() is past its rename, whatever fails. Thread-compatible; file() is as
// OutputFile says.
class AtomicFile {
 public:
  // Removes what writers of this path have left behind that were killed. Only
  // a file is replaced: kInvalidArgument for all else. `file_system` must
  // outlive it.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(
      FileSystem& file_system, const std::string& path,
      const PublishOptions& options);
  // Removes the temporary file, unless it was published.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Until Publish().
  OutputFile& file() { return *file_; }

  // Syncs, checks, renames, and syncs the directory; blocks. Once only. It has
  // the permissions of the file that it replaces, and else those that the umask
  // leaves. After an error of what comes before the rename, nothing has
  // changed; after one of the directory's sync the new file is there and whole,
  // but may be gone, and the old one back, when the machine stops.
  absl::Status Publish();

 private:
  AtomicFile(FileSystem& file_system, std::string path,
             const PublishOptions& options, std::unique_ptr<OutputFile> file);

  FileSystem& file_system_;
  const std::string path_;  // without links
  const std::string temporary_path_;
  const PublishOptions options_;
  std::unique_ptr<OutputFile> file_;
  bool is_published_ = false;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_ATOMIC_FILE_H_
