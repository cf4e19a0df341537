#ifndef HOIST_CORE_IO_POSIX_FILE_SYSTEM_H_
#define HOIST_CORE_IO_POSIX_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/file_calls.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

// A FileSystem over calls with the meaning that POSIX and Linux give them:
// what NewPosixFileSystem() makes, for tests that put other calls below it.
class PosixFileSystem final : public FileSystem {
 public:
  // `calls` must outlive it and the files that it made.
  explicit PosixFileSystem(FileCalls& calls) : calls_(calls) {}

  absl::StatusOr<std::unique_ptr<OutputFile>> CreateFile(
      const std::string& path, uint64_t expected_bytes,
      uint32_t permissions) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Exchange(const std::string& a, const std::string& b) override;
  absl::Status RemoveFile(const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::Status SetPermissions(const std::string& path,
                              uint32_t permissions) override;
  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) override;
  absl::StatusOr<FileStatus> GetStatus(const std::string& path) override;
  absl::StatusOr<std::string> ReadLink(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;
  int64_t ProcessId() override;
  bool IsProcessAlive(int64_t process) override;

 private:
  FileCalls& calls_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_POSIX_FILE_SYSTEM_H_
