#include "hoist/core/io/testing/faulty_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hoist {
namespace {

constexpr size_t kBlockBytes = 4096;
// Above all that Linux gives.
constexpr pid_t kFirstProcess = pid_t{1} << 23;

// Fewer bytes of a write, as the kernel would write them: whole blocks of what
// is whole blocks.
size_t WholeBlocks(size_t of_bytes, size_t bytes) {
  return of_bytes % kBlockBytes == 0 ? bytes / kBlockBytes * kBlockBytes
                                     : bytes;
}

mode_t PermissionsOf(const char* path) {
  struct stat info = {};
  stat(path, &info);
  return info.st_mode & 07777;
}

}  // namespace

FaultyDisk::FaultyDisk(std::string root) : image_(std::move(root)) {}

int64_t FaultyDisk::call_count() {
  MutexLock lock(&mu_);
  return call_count_;
}

void FaultyDisk::CountFromZero() {
  MutexLock lock(&mu_);
  call_count_ = 0;
}

void FaultyDisk::FailCall(int64_t call, int error_number) {
  MutexLock lock(&mu_);
  failing_call_ = call;
  failing_error_ = error_number;
}

void FaultyDisk::StopAfter(int64_t calls) {
  MutexLock lock(&mu_);
  stops_after_ = calls;
}

bool FaultyDisk::has_stopped() {
  MutexLock lock(&mu_);
  return HasStopped();
}

void FaultyDisk::LimitBytes(uint64_t bytes) {
  MutexLock lock(&mu_);
  limit_bytes_ = bytes;
}

void FaultyDisk::InterruptCalls(uint64_t seed) {
  MutexLock lock(&mu_);
  interrupts_.emplace(seed);
}

void FaultyDisk::ForbidExchange() {
  MutexLock lock(&mu_);
  can_exchange_ = false;
}

void FaultyDisk::Restart(Unsynced unsynced, uint64_t seed) {
  MutexLock lock(&mu_);
  image_.Stop(unsynced, seed);
  call_count_ = 0;
  failing_call_ = -1;
  stops_after_ = -1;
  limit_bytes_ = UINT64_MAX;
  interrupts_.reset();
  ++restarts_;
}

bool FaultyDisk::HasStopped() const {
  return stops_after_ >= 0 && call_count_ > stops_after_;
}

bool FaultyDisk::Begin() {
  const int64_t call = call_count_++;
  errno = 0;
  if (HasStopped()) {
    errno = EIO;
  } else if (call == failing_call_) {
    errno = failing_error_;
  } else if (interrupts_ && (*interrupts_)() % 2 == 0) {
    errno = EINTR;
  }
  return errno == 0;
}

bool FaultyDisk::Begin(int descriptor) {
  if (!Begin()) {
    return false;
  }
  const auto opened = opened_.find(descriptor);
  if (opened != opened_.end() && opened->second != restarts_) {
    errno = EIO;
    return false;
  }
  return true;
}

size_t FaultyDisk::RoomFor(int descriptor, size_t size, off_t offset) const {
  if (limit_bytes_ == UINT64_MAX || !image_.Holds(descriptor)) {
    return size;
  }
  const uint64_t used = image_.TotalBytes();
  const uint64_t end = image_.SizeOf(descriptor) +
                       (used < limit_bytes_ ? limit_bytes_ - used : 0);
  const auto begin = static_cast<uint64_t>(offset);
  return begin + size <= end ? size
         : begin < end       ? WholeBlocks(size, end - begin)
                             : 0;
}

int FaultyDisk::Open(const char* path, int flags, mode_t mode) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  // What is on the disk is in the image: nothing has to wait for the real one.
  const int descriptor = FileCalls::Open(path, flags & ~O_DIRECT, mode);
  if (descriptor < 0) {
    return -1;
  }
  opened_[descriptor] = restarts_;
  if (!image_.Holds(path)) {
    return descriptor;
  }
  if ((flags & O_CREAT) != 0) {
    image_.CreateFile(path, descriptor, PermissionsOf(path));
  } else {
    image_.Open(path, descriptor);
  }
  return descriptor;
}

int FaultyDisk::Close(int descriptor) {
  MutexLock lock(&mu_);
  const bool ok = Begin();
  const int error_number = errno;
  image_.Close(descriptor);
  opened_.erase(descriptor);
  FileCalls::Close(descriptor);
  errno = error_number;
  return ok ? 0 : -1;
}

ssize_t FaultyDisk::Pwrite(int descriptor, const void* data, size_t size,
                           off_t offset) {
  MutexLock lock(&mu_);
  if (!Begin(descriptor)) {
    return -1;
  }
  const size_t room = RoomFor(descriptor, size, offset);
  if (room == 0 && size > 0) {
    errno = ENOSPC;
    return -1;
  }
  size = room;
  if (interrupts_ && (*interrupts_)() % 2 == 0) {
    const size_t some = 1 + (*interrupts_)() % size;
    size = std::max(WholeBlocks(size, some), std::min(size, kBlockBytes));
  }
  const ssize_t written = FileCalls::Pwrite(descriptor, data, size, offset);
  if (written > 0 && image_.Holds(descriptor)) {
    image_.Write(
        descriptor, static_cast<uint64_t>(offset),
        {static_cast<const char*>(data), static_cast<size_t>(written)});
  }
  return written;
}

int FaultyDisk::Fallocate(int descriptor, off_t offset, off_t size) {
  MutexLock lock(&mu_);
  if (!Begin(descriptor)) {
    return -1;
  }
  if (RoomFor(descriptor, static_cast<size_t>(size), offset) <
      static_cast<size_t>(size)) {
    errno = ENOSPC;
    return -1;
  }
  const int result = FileCalls::Fallocate(descriptor, offset, size);
  if (result == 0 && image_.Holds(descriptor)) {
    image_.SetSize(descriptor, std::max(image_.SizeOf(descriptor),
                                        static_cast<uint64_t>(offset + size)));
  }
  return result;
}

int FaultyDisk::Ftruncate(int descriptor, off_t size) {
  MutexLock lock(&mu_);
  if (!Begin(descriptor)) {
    return -1;
  }
  const int result = FileCalls::Ftruncate(descriptor, size);
  if (result == 0 && image_.Holds(descriptor)) {
    image_.SetSize(descriptor, static_cast<uint64_t>(size));
  }
  return result;
}

int FaultyDisk::Fsync(int descriptor) {
  MutexLock lock(&mu_);
  if (!Begin(descriptor)) {
    return -1;
  }
  // What the disk has is in the image.
  if (image_.Holds(descriptor)) {
    image_.Sync(descriptor);
  }
  return 0;
}

int FaultyDisk::Rename(const char* from, const char* to) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  const int result = FileCalls::Rename(from, to);
  if (result == 0 && image_.Holds(from)) {
    image_.Rename(from, to);
  }
  return result;
}

int FaultyDisk::Exchange(const char* a, const char* b) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  if (!can_exchange_) {
    errno = EINVAL;
    return -1;
  }
  const int result = FileCalls::Exchange(a, b);
  if (result == 0 && image_.Holds(a)) {
    image_.Exchange(a, b);
  }
  return result;
}

int FaultyDisk::Unlink(const char* path) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  const int result = FileCalls::Unlink(path);
  if (result == 0 && image_.Holds(path)) {
    image_.Remove(path);
  }
  return result;
}

int FaultyDisk::Mkdir(const char* path, mode_t mode) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  const int result = FileCalls::Mkdir(path, mode);
  if (result == 0 && image_.Holds(path)) {
    image_.CreateDirectory(path, PermissionsOf(path));
  }
  return result;
}

int FaultyDisk::Rmdir(const char* path) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  const int result = FileCalls::Rmdir(path);
  if (result == 0 && image_.Holds(path)) {
    image_.Remove(path);
  }
  return result;
}

int FaultyDisk::Chmod(const char* path, mode_t mode) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  const int result = FileCalls::Chmod(path, mode);
  if (result == 0 && image_.Holds(path)) {
    image_.SetPermissions(path, mode);
  }
  return result;
}

int FaultyDisk::Stat(const char* path, struct stat* out) {
  MutexLock lock(&mu_);
  return Begin() ? FileCalls::Stat(path, out) : -1;
}

int FaultyDisk::Statvfs(const char* path, struct statvfs* out) {
  MutexLock lock(&mu_);
  if (!Begin()) {
    return -1;
  }
  const int result = FileCalls::Statvfs(path, out);
  if (result == 0 && limit_bytes_ != UINT64_MAX && image_.Holds(path)) {
    const uint64_t used = image_.TotalBytes();
    out->f_frsize = 1;
    out->f_bavail = used < limit_bytes_ ? limit_bytes_ - used : 0;
  }
  return result;
}

ssize_t FaultyDisk::Readlink(const char* path, char* out, size_t size) {
  MutexLock lock(&mu_);
  return Begin() ? FileCalls::Readlink(path, out, size) : -1;
}

int FaultyDisk::List(const char* path, std::vector<std::string>* names) {
  MutexLock lock(&mu_);
  return Begin() ? FileCalls::List(path, names) : -1;
}

pid_t FaultyDisk::Getpid() {
  MutexLock lock(&mu_);
  return kFirstProcess + restarts_;
}

int FaultyDisk::Kill(pid_t process, int signal) {
  if (process < kFirstProcess) {
    return FileCalls::Kill(process, signal);
  }
  if (process == Getpid()) {
    return 0;
  }
  errno = ESRCH;
  return -1;
}

}  // namespace hoist
