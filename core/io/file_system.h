#ifndef HOIST_CORE_IO_FILE_SYSTEM_H_
#define HOIST_CORE_IO_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

struct FileStatus {
  enum class Kind { kFile, kDirectory, kOther };  // of what a link points to
  Kind kind = Kind::kFile;
  uint64_t size_bytes = 0;
  int64_t changed_ns = 0;    // the time of its last change, of the wall clock
  uint32_t permissions = 0;  // the lower 12 bits of its mode
};

// What changes files and directories, so that tests can let any of it fail.
// Errors have the errno's code (core/status/annotate.h) and the path; all
// calls block. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // A new, empty file; kAlreadyExists if there is something. If
  // `expected_bytes` is known (else 0), so much space is reserved where the
  // file system can, which lets several threads write faster:
  // kResourceExhausted if the disk has less, and nothing is there then. It ends
  // where what was written ends all the same. Of `permissions` remains what the
  // umask allows.
  virtual absl::StatusOr<std::unique_ptr<OutputFile>> CreateFile(
      const std::string& path, uint64_t expected_bytes,
      uint32_t permissions) = 0;

  // Replaces what is at `to`, if that is a file, in one step.
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;
  // Two that exist change places in one step; kUnimplemented where the file
  // system cannot.
  virtual absl::Status Exchange(const std::string& a, const std::string& b) = 0;
  virtual absl::Status RemoveFile(const std::string& path) = 0;
  virtual absl::Status CreateDirectory(const std::string& path) = 0;
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;  // empty
  // Makes what was created, renamed and removed in it survive a stop of the
  // machine.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  virtual absl::Status SetPermissions(const std::string& path,
                                      uint32_t permissions) = 0;

  // Names in it but for "." and "..", sorted by bytes.
  virtual absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) = 0;
  virtual absl::StatusOr<FileStatus> GetStatus(const std::string& path) = 0;
  // What the symbolic link at `path` says; kInvalidArgument if it is none.
  virtual absl::StatusOr<std::string> ReadLink(const std::string& path) = 0;
  // What may still be written to the file system that `path`, which exists, is
  // on.
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& path) = 0;

  // The number of this process, and whether there is one of that number: names
  // of temporary files tell by it whether they are still written.
  virtual int64_t ProcessId() = 0;
  virtual bool IsProcessAlive(int64_t process) = 0;
};

// That of the operating system: writes are continued after short ones and
// retried after EINTR.
std::unique_ptr<FileSystem> NewPosixFileSystem();

}  // namespace hoist

#endif  // HOIST_CORE_IO_FILE_SYSTEM_H_
