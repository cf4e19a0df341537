#include "hoist/core/io/posix_file_system.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/io/posix_output_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

std::string Quoted(const std::string& path) {
  return absl::StrCat("\"", path, "\"");
}

// Calls until it is not interrupted.
int Retried(absl::FunctionRef<int()> call) {
  int result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// Of a call's result, right after it.
absl::Status Checked(int result, absl::string_view what,
                     const std::string& path) {
  const int error_number = errno;
  if (result >= 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(error_number, absl::StrCat(what, " ", Quoted(path)));
}

// Whether the space is reserved, and the file that long: not all file systems
// can. Threads that write past the page cache would wait for each other to
// make the file longer.
absl::StatusOr<bool> Reserve(FileCalls& calls, int descriptor,
                             const std::string& path, uint64_t size_bytes) {
  const int result = Retried([&] {
    return calls.Fallocate(descriptor, 0, static_cast<off_t>(size_bytes));
  });
  if (result < 0 &&
      (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
    return false;
  }
  HOIST_RETURN_IF_ERROR(Checked(
      result, absl::StrCat("Reserving ", size_bytes, " bytes for"), path));
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> PosixFileSystem::CreateFile(
    const std::string& path, uint64_t expected_bytes, uint32_t permissions) {
  constexpr int kFlags = O_WRONLY | O_CLOEXEC;
  constexpr uint64_t kMaxBytes = std::numeric_limits<off_t>::max();
  if (expected_bytes > kMaxBytes) {
    return ErrnoStatus(EFBIG, absl::StrCat("Creating ", Quoted(path)));
  }
  const int descriptor = Retried([&] {
    return calls_.Open(path.c_str(), kFlags | O_CREAT | O_EXCL, permissions);
  });
  HOIST_RETURN_IF_ERROR(Checked(descriptor, "Creating", path));
  absl::StatusOr<bool> is_reserved = false;
  if (expected_bytes > 0) {
    is_reserved = Reserve(calls_, descriptor, path, expected_bytes);
  }
  if (!is_reserved.ok()) {
    calls_.Close(descriptor);
    calls_.Unlink(path.c_str());
    return is_reserved.status();
  }
  // Where that is not allowed, all is written through the page cache.
  const int direct_descriptor =
      Retried([&] { return calls_.Open(path.c_str(), kFlags | O_DIRECT, 0); });
  return std::make_unique<PosixOutputFile>(calls_, path, descriptor,
                                           std::max(direct_descriptor, -1),
                                           *is_reserved ? expected_bytes : 0);
}

absl::Status PosixFileSystem::Rename(const std::string& from,
                                     const std::string& to) {
  return Checked(
      Retried([&] { return calls_.Rename(from.c_str(), to.c_str()); }),
      absl::StrCat("Renaming ", Quoted(from), " to"), to);
}

absl::Status PosixFileSystem::Exchange(const std::string& a,
                                       const std::string& b) {
  const int result =
      Retried([&] { return calls_.Exchange(a.c_str(), b.c_str()); });
  if (result < 0 && (errno == EINVAL || errno == ENOSYS)) {
    errno = EOPNOTSUPP;
  }
  return Checked(result, absl::StrCat("Exchanging ", Quoted(a), " and"), b);
}

absl::Status PosixFileSystem::RemoveFile(const std::string& path) {
  return Checked(Retried([&] { return calls_.Unlink(path.c_str()); }),
                 "Removing", path);
}

absl::Status PosixFileSystem::CreateDirectory(const std::string& path) {
  return Checked(Retried([&] { return calls_.Mkdir(path.c_str(), 0777); }),
                 "Creating the directory", path);
}

absl::Status PosixFileSystem::RemoveDirectory(const std::string& path) {
  return Checked(Retried([&] { return calls_.Rmdir(path.c_str()); }),
                 "Removing the directory", path);
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const int descriptor =
      Retried([&] { return calls_.Open(path.c_str(), kFlags, 0); });
  HOIST_RETURN_IF_ERROR(Checked(descriptor, "Opening the directory", path));
  int result = Retried([&] { return calls_.Fsync(descriptor); });
  if (result < 0 && errno == EINVAL) {
    result = 0;  // a file system that has nothing to bring to a disk
  }
  const absl::Status status =
      Checked(result, "Bringing to the disk the directory", path);
  calls_.Close(descriptor);
  return status;
}

absl::Status PosixFileSystem::SetPermissions(const std::string& path,
                                             uint32_t permissions) {
  return Checked(
      Retried([&] { return calls_.Chmod(path.c_str(), permissions); }),
      "Setting the permissions of", path);
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::ListDirectory(
    const std::string& path) {
  std::vector<std::string> names;
  HOIST_RETURN_IF_ERROR(Checked(Retried([&] {
                                  names.clear();
                                  return calls_.List(path.c_str(), &names);
                                }),
                                "Listing", path));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<FileStatus> PosixFileSystem::GetStatus(const std::string& path) {
  struct stat info;
  HOIST_RETURN_IF_ERROR(
      Checked(Retried([&] { return calls_.Stat(path.c_str(), &info); }),
              "Examining", path));
  return FileStatus{.kind = S_ISREG(info.st_mode) ? FileStatus::Kind::kFile
                            : S_ISDIR(info.st_mode)
                                ? FileStatus::Kind::kDirectory
                                : FileStatus::Kind::kOther,
                    .size_bytes = static_cast<uint64_t>(info.st_size),
                    .changed_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 +
                                  info.st_mtim.tv_nsec,
                    .permissions = info.st_mode & 07777};
}

absl::StatusOr<std::string> PosixFileSystem::ReadLink(const std::string& path) {
  std::array<char, 4096> target;  // PATH_MAX
  ssize_t size = 0;
  HOIST_RETURN_IF_ERROR(Checked(
      Retried([&] {
        size = calls_.Readlink(path.c_str(), target.data(), target.size());
        return static_cast<int>(size);
      }),
      "Following", path));
  return std::string(target.data(), static_cast<size_t>(size));
}

absl::StatusOr<uint64_t> PosixFileSystem::FreeBytes(const std::string& path) {
  struct statvfs info;
  HOIST_RETURN_IF_ERROR(
      Checked(Retried([&] { return calls_.Statvfs(path.c_str(), &info); }),
              "Asking for the free space of", path));
  return uint64_t{info.f_bavail} * info.f_frsize;
}

int64_t PosixFileSystem::ProcessId() { return calls_.Getpid(); }

bool PosixFileSystem::IsProcessAlive(int64_t process) {
  // Whose it is does not matter: EPERM.
  return calls_.Kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH;
}

std::unique_ptr<FileSystem> NewPosixFileSystem() {
  static FileCalls calls;  // has no state
  return std::make_unique<PosixFileSystem>(calls);
}

}  // namespace hoist
