#include "hoist/checkpoint/store/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

constexpr std::chrono::milliseconds kRetryTime{20};
constexpr mode_t kPermissions = 0644;

// Who has the lock, as its file says.
std::string HolderOf(int descriptor) {
  std::array<char, 512> text = {};
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  const std::string holder(
      absl::StripAsciiWhitespace({text.data(), size > 0 ? size_t(size) : 0}));
  return holder.empty() ? "another process" : holder;
}

// For people: a lock without it is as good.
void WriteHolder(int descriptor) {
  std::array<char, 256> host = {};
  if (gethostname(host.data(), host.size() - 1) != 0) {
    host[0] = '\0';
  }
  const std::string text =
      absl::StrCat("process ", getpid(), " on ", host.data(), "\n");
  if (ftruncate(descriptor, 0) == 0) {
    [[maybe_unused]] const ssize_t written =
        pwrite(descriptor, text.data(), text.size(), 0);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreLock>> StoreLock::Acquire(
    const std::string& folder, int64_t max_wait_ns) {
  using Clock = std::chrono::steady_clock;
  const std::string path = absl::StrCat(folder, "/", kStoreLockName);
  const int descriptor =
      open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPermissions);
  if (descriptor < 0) {
    return ErrnoStatus(errno, absl::StrCat(path, ": Opening it"));
  }
  const auto end = Clock::now() + std::chrono::nanoseconds(max_wait_ns);
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EINTR) {
      continue;
    }
    absl::Status status;
    if (error != EWOULDBLOCK) {
      status = ErrnoStatus(error, absl::StrCat(path, ": Locking it"));
    } else if (Clock::now() >= end) {
      status = WithHint(
          absl::UnavailableError(absl::StrCat(folder, ": The store is used by ",
                                              HolderOf(descriptor))),
          "Try again when that is done");
    }
    if (!status.ok()) {
      close(descriptor);
      return status;
    }
    std::this_thread::sleep_for(kRetryTime);
  }
  WriteHolder(descriptor);
  return std::unique_ptr<StoreLock>(new StoreLock(descriptor));
}

// The file stays: to remove it would let two processes lock two files.
StoreLock::~StoreLock() {
  [[maybe_unused]] const int result = ftruncate(descriptor_, 0);
  close(descriptor_);
}

}  // namespace hoist
