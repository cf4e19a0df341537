#ifndef HOIST_CORE_IO_TESTING_FAULTY_DISK_H_
#define HOIST_CORE_IO_TESTING_FAULTY_DISK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "hoist/core/io/file_calls.h"
#include "hoist/core/io/testing/disk_image.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// A real directory, whose calls fail as a test wants, and which can lose what
// was never synced as if the machine had stopped:
//   FaultyDisk disk(directory.path());
//   PosixFileSystem files(disk);
//   disk.StopAfter(7);
//   … what uses `files` fails after 7 calls …
//   disk.Restart(Unsynced::kSome, seed);
//   … what is in the directory now has to be whole …
// Calls that can fail are counted from 0. Thread-safe; Restart() is for when
// nothing else uses it.
class FaultyDisk : public FileCalls {
 public:
  // All that is in the directory `root` is on the disk. Calls for paths outside
  // of it go wrong all the same, but nothing of theirs is lost.
  explicit FaultyDisk(std::string root);

  // How many calls there were since it was made, or since CountFromZero().
  int64_t call_count();
  void CountFromZero();

  // The call of that number, and none other, fails with `error_number` and
  // does nothing (Close() does it all the same).
  void FailCall(int64_t call, int error_number);
  // After so many calls the machine stops: all calls fail with EIO, and do
  // nothing.
  void StopAfter(int64_t calls);
  bool has_stopped();
  // So many bytes of files have room under the root, and no more: ENOSPC, after
  // what still has. Files that are there count.
  void LimitBytes(uint64_t bytes);
  // Half of all calls are interrupted (EINTR), and half of all writes short.
  void InterruptCalls(uint64_t seed);
  // Exchange() is not possible, as on some file systems.
  void ForbidExchange();

  // The disk as it is after the machine has stopped (StopAfter(), or now) and
  // has started again: without faults, with another process number, and with
  // none of the files that were open.
  void Restart(Unsynced unsynced, uint64_t seed = 0);

  int Open(const char* path, int flags, mode_t mode) override;
  int Close(int descriptor) override;
  ssize_t Pwrite(int descriptor, const void* data, size_t size,
                 off_t offset) override;
  int Fallocate(int descriptor, off_t offset, off_t size) override;
  int Ftruncate(int descriptor, off_t size) override;
  int Fsync(int descriptor) override;
  int Rename(const char* from, const char* to) override;
  int Exchange(const char* a, const char* b) override;
  int Unlink(const char* path) override;
  int Mkdir(const char* path, mode_t mode) override;
  int Rmdir(const char* path) override;
  int Chmod(const char* path, mode_t mode) override;
  int Stat(const char* path, struct stat* out) override;
  int Statvfs(const char* path, struct statvfs* out) override;
  ssize_t Readlink(const char* path, char* out, size_t size) override;
  int List(const char* path, std::vector<std::string>* names) override;
  pid_t Getpid() override;
  int Kill(pid_t process, int signal) override;

 private:
  // Counts a call; whether it may go on. Else errno says why not.
  bool Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The same for a call of an open file.
  bool Begin(int descriptor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of so many bytes that are to be written there, how many have room.
  size_t RoomFor(int descriptor, size_t size, off_t offset) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  DiskImage image_ ABSL_GUARDED_BY(mu_);
  // The restarts before it was opened, by descriptor.
  std::map<int, int> opened_ ABSL_GUARDED_BY(mu_);
  int64_t call_count_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t failing_call_ ABSL_GUARDED_BY(mu_) = -1;
  int failing_error_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t stops_after_ ABSL_GUARDED_BY(mu_) = -1;
  uint64_t limit_bytes_ ABSL_GUARDED_BY(mu_) = UINT64_MAX;
  std::optional<std::mt19937_64> interrupts_ ABSL_GUARDED_BY(mu_);
  bool can_exchange_ ABSL_GUARDED_BY(mu_) = true;
  int restarts_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_TESTING_FAULTY_DISK_H_
