#ifndef HOIST_CORE_IO_FILE_CALLS_H_
#define HOIST_CORE_IO_FILE_CALLS_H_

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace hoist {

// The calls of the operating system that writing needs, as the manual pages
// have them: -1 and errno where they fail. As it is, it makes them; tests
// override what is to go wrong below PosixFileSystem. Thread-safe.
class FileCalls {
 public:
  virtual ~FileCalls() = default;

  virtual int Open(const char* path, int flags, mode_t mode);
  virtual int Close(int descriptor);
  virtual ssize_t Pwrite(int descriptor, const void* data, size_t size,
                         off_t offset);
  virtual int Fallocate(int descriptor, off_t offset, off_t size);  // mode 0
  virtual int Ftruncate(int descriptor, off_t size);
  virtual int Fsync(int descriptor);

  virtual int Rename(const char* from, const char* to);
  virtual int Exchange(const char* a, const char* b);  // RENAME_EXCHANGE
  virtual int Unlink(const char* path);
  virtual int Mkdir(const char* path, mode_t mode);
  virtual int Rmdir(const char* path);
  virtual int Chmod(const char* path, mode_t mode);

  virtual int Stat(const char* path, struct stat* out);
  virtual int Statvfs(const char* path, struct statvfs* out);
  virtual ssize_t Readlink(const char* path, char* out, size_t size);
  // Adds all names but "." and ".." to `names`: opendir(3) and the like.
  virtual int List(const char* path, std::vector<std::string>* names);

  virtual pid_t Getpid();
  virtual int Kill(pid_t process, int signal);
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_FILE_CALLS_H_
